import type { TlsOptions } from '../lib/http-transport.ts';

/** How to reach the API server at this moment, and as whom. */
export interface Credentials {
  /** `https://10.0.0.1:443`. */
  readonly origin: string;
  /** Path of the API, without a slash at its end: empty, or the prefix that a proxy such as Rancher's adds. */
  readonly basePath: string;
  readonly tls: TlsOptions;
  /** `authorization` and impersonation; lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Where credentials come from: a kubeconfig or a pod's service account. */
export interface CredentialSource {
  /** For messages: `kubeconfig /home/ada/.kube/config`. */
  readonly name: string;
  /** The namespace to use when none is named. */
  readonly namespace: string;
  /** Called for every request. Rejects with `config`; the message names the file and the reason. */
  read(): Promise<Credentials>;
  /** Drops everything cached, after the server refused it. */
  refresh(): Promise<void>;
}
