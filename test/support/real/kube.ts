/**
 * A real Kubernetes control plane on loopback: etcd, kube-apiserver with RBAC and ServiceAccount tokens, and the
 * controllers that make pods, slices and tokens. There is no scheduler and no node: see kubelet.ts.
 */
import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inParallel } from '../../../src/lib/in-parallel.ts';
import { requireServers } from '../../servers/locate.ts';
import { eventually } from '../eventually.ts';
import { dataDir } from './data-dir.ts';
import { KubeApi } from './kube-api.ts';
import { freePorts } from './ports.ts';
import { Server } from './server.ts';

const run = promisify(execFile);
const host = '127.0.0.1';

/** Node lifecycle and taints are left out unless asked for: most tests write node conditions themselves. */
const controllers = [
  'deployment-controller',
  'endpointslice-controller',
  'endpointslice-mirroring-controller',
  'garbage-collector-controller',
  'job-controller',
  'namespace-controller',
  'pod-garbage-collector-controller',
  'replicaset-controller',
  'root-ca-certificate-publisher-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'statefulset-controller',
];

export interface KubeOptions {
  /** Appended to kube-apiserver's arguments; of a flag given twice the last counts. */
  readonly apiserverArgs?: readonly string[];
  /** Controllers to run beside the usual ones, such as those that watch over nodes. */
  readonly controllers?: readonly string[];
  /** Appended to kube-controller-manager's arguments. */
  readonly controllerArgs?: readonly string[];
  /** The oldest version that is supported, not the newest. Default false. */
  readonly oldest?: boolean;
  /** Users with a static token, each with its groups. They have no rights until a binding grants some. */
  readonly users?: Readonly<Record<string, readonly string[]>>;
  /** Abort kills everything. */
  readonly signal?: AbortSignal;
}

export type Identity =
  | { readonly user: string }
  | {
      readonly namespace: string;
      readonly serviceAccount: string;
      /** Default: as long as the API server grants, an hour. The server's least is 600. */
      readonly expirationSeconds?: number;
    };

export async function startKube(options: KubeOptions = {}): Promise<Kube> {
  const which = options.oldest === true ? '-oldest' : '';
  const apiserver = `kube-apiserver${which}` as const;
  const controllerManager = `kube-controller-manager${which}` as const;
  const found = await requireServers(['etcd', 'etcdctl', 'etcdutl', apiserver, controllerManager]);
  const programs = {
    ...found,
    'kube-apiserver': found[apiserver],
    'kube-controller-manager': found[controllerManager],
  };
  const dir = await dataDir('kube');
  const kube = new Kube(dir, await freePorts(3), programs, options);
  try {
    await kube.start();
    return kube;
  } catch (error) {
    await kube.stop();
    throw error;
  }
}

type Programs = Record<'etcd' | 'etcdctl' | 'etcdutl' | 'kube-apiserver' | 'kube-controller-manager', string>;

export class Kube implements AsyncDisposable {
  /** Origin of the API server, https. */
  readonly url: string;
  /** The certificate authority that signed the API server's certificate, PEM. */
  readonly caFile: string;
  /** Member of system:masters. */
  readonly adminToken = randomUUID();
  /** Kubeconfig of the admin. */
  readonly kubeconfigPath: string;
  readonly etcd: Server;
  readonly apiserver: Server;
  readonly controllerManager: Server;
  readonly #dir: string;
  readonly #programs: Programs;
  readonly #userTokens = new Map<string, string>();
  readonly #users: Readonly<Record<string, readonly string[]>>;
  readonly #etcdUrl: string;
  readonly #etcdPeerUrl: string;
  #ca: string | undefined;
  #api: KubeApi | undefined;

  /** Use `startKube`. */
  constructor(dir: string, ports: readonly number[], programs: Programs, options: KubeOptions) {
    const [etcdPort, etcdPeerPort, apiserverPort] = ports;
    this.#dir = dir;
    this.#programs = programs;
    this.#users = options.users ?? {};
    this.url = `https://${host}:${apiserverPort}`;
    this.caFile = join(dir, 'ca.crt');
    this.kubeconfigPath = join(dir, 'admin.kubeconfig');
    this.#etcdUrl = `http://${host}:${etcdPort}`;
    this.#etcdPeerUrl = `http://${host}:${etcdPeerPort}`;
    const server = (name: keyof Programs, args: readonly string[], ready: () => unknown) =>
      new Server({
        name,
        command: programs[name],
        args,
        ready,
        logFile: join(dir, `${name}.log`),
        // Told to stop, kube-apiserver would wait for its clients' idle connections.
        stopTimeoutMs: 2_000,
        ...(options.signal ? { signal: options.signal } : {}),
      });
    this.etcd = server('etcd', this.#etcdArgs(), () => fetchOk(`${this.#etcdUrl}/health`));
    const apiserverArgs = [...this.#apiserverArgs(apiserverPort as number), ...(options.apiserverArgs ?? [])];
    this.apiserver = server('kube-apiserver', apiserverArgs, () => this.#apiserverReady());
    // Ready at once: it serves nothing, and one that is started while the API server is away waits for it.
    const controllerArgs = [
      ...this.#controllerArgs(options.controllers ?? []),
      ...(options.controllerArgs ?? []),
    ];
    this.controllerManager = server('kube-controller-manager', controllerArgs, () => true);
  }

  /** Requests as admin. */
  get api(): KubeApi {
    if (this.#api === undefined) throw new Error('kube-apiserver has not been started');
    return this.#api;
  }

  /** The certificate authority, PEM. */
  get ca(): string {
    if (this.#ca === undefined) throw new Error('kube-apiserver has not been started');
    return this.#ca;
  }

  /** Starts what does not run; resolves when pods can be created in namespace default. */
  async start(): Promise<void> {
    if (this.#ca === undefined) await this.#writeCredentials();
    await this.etcd.start();
    await this.apiserver.start();
    await this.#writeKubeconfig(this.kubeconfigPath, 'admin', this.adminToken);
    await this.controllerManager.start();
    await eventually(() => this.api.get('/api/v1/namespaces/default/serviceaccounts/default'), {
      timeoutMs: 60_000,
      what: 'the controllers have made the default service account',
    });
  }

  async stopApiserver(): Promise<void> {
    await this.apiserver.stop();
  }

  /** With the same address, certificate and data. */
  async startApiserver(): Promise<void> {
    await this.apiserver.start();
  }

  /** A token the API server issues for the account, which must exist. */
  async serviceAccountToken(
    namespace: string,
    serviceAccount: string,
    expirationSeconds?: number,
  ): Promise<string> {
    const answer = await this.api.post<{ status: { token: string } }>(
      `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`,
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds } },
    );
    return answer.status.token;
  }

  /** The token of one of the users given at the start, or a new one of a ServiceAccount. */
  async tokenFor(identity: Identity): Promise<string> {
    if (!('user' in identity)) {
      return this.serviceAccountToken(
        identity.namespace,
        identity.serviceAccount,
        identity.expirationSeconds,
      );
    }
    const token = this.#userTokens.get(identity.user);
    if (token === undefined) throw new Error(`startKube() was not given the user ${identity.user}`);
    return token;
  }

  /** Path of a new kubeconfig with the identity's token. It is removed with everything else. */
  async kubeconfigFor(identity: Identity): Promise<string> {
    const name = 'user' in identity ? identity.user : `${identity.namespace}-${identity.serviceAccount}`;
    const path = join(this.#dir, `${name}-${randomUUID()}.kubeconfig`);
    await this.#writeKubeconfig(path, name, await this.tokenFor(identity));
    return path;
  }

  /** Requests as the identity. The caller disposes of the client. */
  async apiFor(identity: Identity): Promise<KubeApi> {
    return new KubeApi({ url: this.url, ca: this.ca, token: await this.tokenFor(identity) });
  }

  async snapshotEtcd(file: string): Promise<void> {
    await run(this.#programs.etcdctl, ['--endpoints', this.#etcdUrl, 'snapshot', 'save', file]);
  }

  /**
   * Removes objects behind the API server's back: `/registry/pods/shop/` are all pods of a namespace. One key a
   * revision: of many in one, a watch that breaks among them never shows the rest, and the controllers resume theirs.
   */
  async vanish(prefix: string): Promise<void> {
    const args = ['--endpoints', this.#etcdUrl, 'get', '--prefix', '--keys-only', prefix];
    const { stdout } = await run(this.#programs.etcdctl, args);
    const keys = stdout.split('\n').filter((line) => line !== '');
    // By etcd's JSON gateway: hundreds of etcdctl processes would take many seconds.
    await inParallel(keys, 16, async (key) => {
      const body = JSON.stringify({ key: Buffer.from(key).toString('base64') });
      await fetch(`${this.#etcdUrl}/v3/kv/deleterange`, { method: 'POST', body });
    });
  }

  /**
   * Puts the cluster back to what it was at the snapshot and restarts all of it. Resource versions go back too,
   * as when an operator restores a backup without raising them.
   */
  async restoreEtcd(file: string): Promise<void> {
    await this.controllerManager.stop();
    await this.apiserver.stop();
    await this.etcd.stop();
    await rm(this.#etcdData, { recursive: true, force: true });
    await run(this.#programs.etcdutl, [
      ...['snapshot', 'restore', file, '--data-dir', this.#etcdData, '--name', 'etcd'],
      ...[
        '--initial-cluster',
        `etcd=${this.#etcdPeerUrl}`,
        '--initial-advertise-peer-urls',
        this.#etcdPeerUrl,
      ],
    ]);
    await this.start();
  }

  /** Ends everything and removes its data. */
  async stop(): Promise<void> {
    await this.#api?.[Symbol.asyncDispose]();
    await this.controllerManager.stop();
    await this.apiserver.stop();
    await this.etcd.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  get #etcdData(): string {
    return join(this.#dir, 'etcd');
  }

  #etcdArgs(): string[] {
    return [
      '--name=etcd',
      `--data-dir=${this.#etcdData}`,
      `--listen-client-urls=${this.#etcdUrl}`,
      `--advertise-client-urls=${this.#etcdUrl}`,
      `--listen-peer-urls=${this.#etcdPeerUrl}`,
      `--initial-advertise-peer-urls=${this.#etcdPeerUrl}`,
      `--initial-cluster=etcd=${this.#etcdPeerUrl}`,
      // The data does not have to survive the machine.
      '--unsafe-no-fsync',
      '--log-level=warn',
    ];
  }

  #apiserverArgs(port: number): string[] {
    return [
      `--etcd-servers=${this.#etcdUrl}`,
      `--bind-address=${host}`,
      `--secure-port=${port}`,
      // It signs its own certificate there, and finds it again when it is restarted.
      `--cert-dir=${this.#certificates}`,
      `--token-auth-file=${join(this.#dir, 'tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${join(this.#dir, 'service-account.pub')}`,
      `--service-account-signing-key-file=${join(this.#dir, 'service-account.key')}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      // A loopback address is not allowed in an EndpointSlice, so it cannot register itself.
      '--endpoint-reconciler-type=none',
      // It taints new nodes as not ready, and the controller that would lift that is not running.
      '--disable-admission-plugins=TaintNodesByCondition',
      '--delete-collection-workers=8',
      '--profiling=false',
    ];
  }

  #controllerArgs(further: readonly string[]): string[] {
    return [
      `--kubeconfig=${this.kubeconfigPath}`,
      `--controllers=${[...controllers, ...further].join(',')}`,
      '--leader-elect=false',
      '--secure-port=0',
      `--service-account-private-key-file=${join(this.#dir, 'service-account.key')}`,
      `--root-ca-file=${this.caFile}`,
      // The defaults, 20 requests a second, would make hundreds of pods a test of patience.
      '--kube-api-qps=1000',
      '--kube-api-burst=2000',
    ];
  }

  get #certificates(): string {
    return join(this.#dir, 'certificates');
  }

  async #apiserverReady(): Promise<void> {
    if (this.#api === undefined) {
      // The file holds the server's certificate and, last, the authority that signed it.
      const bundle = await readFile(join(this.#certificates, 'apiserver.crt'), 'utf8');
      const ca = bundle.slice(bundle.lastIndexOf('-----BEGIN CERTIFICATE-----'));
      await writeFile(this.caFile, ca);
      this.#ca = ca;
      this.#api = new KubeApi({ url: this.url, ca, token: this.adminToken });
    }
    await this.#api.get('/readyz');
  }

  async #writeCredentials(): Promise<void> {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeFile(
      join(this.#dir, 'service-account.pub'),
      publicKey.export({ type: 'spki', format: 'pem' }),
    );
    const signingKey = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(join(this.#dir, 'service-account.key'), signingKey, { mode: 0o600 });
    const tokens = [`${this.adminToken},admin,admin,system:masters`];
    for (const [user, groups] of Object.entries(this.#users)) {
      const token = randomUUID();
      this.#userTokens.set(user, token);
      tokens.push(`${token},${user},${user},"${groups.join(',')}"`);
    }
    await writeFile(join(this.#dir, 'tokens.csv'), `${tokens.join('\n')}\n`, { mode: 0o600 });
  }

  async #writeKubeconfig(path: string, name: string, token: string): Promise<void> {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: this.url, 'certificate-authority': this.caFile } }],
      users: [{ name, user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: name } }],
      'current-context': 'test',
    };
    await writeFile(path, JSON.stringify(config, null, 2), { mode: 0o600 });
  }
}

async function fetchOk(url: string): Promise<boolean> {
  return (await fetch(url)).ok;
}
