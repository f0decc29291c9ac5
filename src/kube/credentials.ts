import type { TlsOptions } from '../lib/http-transport.ts';

/** How to reach the API server and as whom, as of now. */
export interface Credentials {
  /** `https://10.0.0.1:443`. */
  readonly origin: string;
  /** Path the API lives under, without a slash at its end: empty, or what a proxy such as Rancher's adds. */
  readonly basePath: string;
  readonly tls: TlsOptions;
  /** `authorization` and impersonation; lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Where credentials come from: a kubeconfig or a pod's service account. */
export interface CredentialSource {
  /** For messages: `kubeconfig /home/ada/.kube/config`. */
  readonly name: string;
  /** The namespace that is ours unless another is named. */
  readonly namespace: string;
  /** Read anew for every request. Rejects with `config`, saying which file and why. */
  read(): Promise<Credentials>;
  /** Forgets whatever is cached, since the server refused it. */
  refresh(): Promise<void>;
}
