/** What tests put into a cluster, in few words. */
import type { KubeApi, KubeList } from './kube-api.ts';
import type { Pod } from './kubelet.ts';

const prefix = 'kube-registrar.io/';

/** `{ service: 'web' }` as `{ 'kube-registrar.io/service': 'web' }`. */
export function annotations<Value extends string | null>(
  fields: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${prefix}${name}`, value]));
}

export interface DeploymentOptions {
  readonly name: string;
  readonly replicas: number;
  /** Of its pods, without the prefix. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Environment of the container. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of its pods, with their whole keys. */
  readonly otherAnnotations?: Readonly<Record<string, string>>;
  /** Of its pods, beside `app`, which is the deployment's name. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly maxSurge: number; readonly maxUnavailable: number };
  /** How long a pod is ready before another may go. Default 0. */
  readonly minReadySeconds?: number;
}

/** Pods with one container and its ports http 8080 and admin 9090. */
function deployment(options: DeploymentOptions): object {
  const { name, replicas, labels = {}, env = {}, strategy, minReadySeconds = 0, ...rest } = options;
  return {
    metadata: { name },
    spec: {
      replicas,
      minReadySeconds,
      selector: { matchLabels: { app: name } },
      ...(strategy ? { strategy: { type: 'RollingUpdate', rollingUpdate: strategy } } : {}),
      template: {
        metadata: {
          labels: { app: name, ...labels },
          annotations: { ...annotations(rest.annotations ?? {}), ...rest.otherAnnotations },
        },
        spec: withEnvironment(env),
      },
    },
  };
}

const podSpec = {
  // The namespace controller looks again after half of the grace period, 30 s by default.
  terminationGracePeriodSeconds: 1,
  containers: [
    {
      name: 'main',
      image: 'main',
      ports: [
        { name: 'http', containerPort: 8080 },
        { name: 'admin', containerPort: 9090 },
      ],
    },
  ],
};

const withEnvironment = (env: Readonly<Record<string, string>>) => ({
  ...podSpec,
  containers: podSpec.containers.map((container) => ({
    ...container,
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
  })),
});

/** A namespace and what happens in it. */
export class Namespace {
  readonly name: string;
  readonly #api: KubeApi;

  static async create(api: KubeApi, name: string): Promise<Namespace> {
    await api.post('/api/v1/namespaces', { metadata: { name } });
    return new Namespace(api, name);
  }

  constructor(api: KubeApi, name: string) {
    this.#api = api;
    this.name = name;
  }

  get podsPath(): string {
    return `/api/v1/namespaces/${this.name}/pods`;
  }

  get servicesPath(): string {
    return `/api/v1/namespaces/${this.name}/services`;
  }

  get slicesPath(): string {
    return `/apis/discovery.k8s.io/v1/namespaces/${this.name}/endpointslices`;
  }

  async deploy(options: DeploymentOptions): Promise<void> {
    await this.#api.post(this.#deploymentsPath, deployment(options));
  }

  async patchDeployment(name: string, patch: object): Promise<void> {
    await this.#api.patchAs(`${this.#deploymentsPath}/${name}`, patch);
  }

  /** Replaces every pod by a new one, as `kubectl rollout restart` does; `version` is any text, new each time. */
  restart(name: string, version: string): Promise<void> {
    return this.patchDeployment(name, {
      spec: { template: { metadata: { annotations: { version } } } },
    });
  }

  scale(name: string, replicas: number): Promise<void> {
    return this.patchDeployment(name, { spec: { replicas } });
  }

  /** A pod of its own, without a deployment. */
  async addPod(name: string, fields: Readonly<Record<string, string>>): Promise<void> {
    await this.#api.post(this.podsPath, {
      metadata: { name, annotations: annotations(fields) },
      spec: podSpec,
    });
  }

  /** Null takes an annotation away. */
  async annotatePod(name: string, fields: Readonly<Record<string, string | null>>): Promise<void> {
    const metadata = { annotations: annotations(fields) };
    await this.#api.patchAs(`${this.podsPath}/${name}`, { metadata });
  }

  async deletePod(name: string): Promise<void> {
    await this.#api.delete(`${this.podsPath}/${name}`);
  }

  async pods(): Promise<Pod[]> {
    return (await this.#api.get<KubeList<Pod>>(this.podsPath)).items;
  }

  async addService(
    name: string,
    fields: Readonly<Record<string, string>>,
    selector?: Readonly<Record<string, string>>,
  ): Promise<void> {
    await this.#api.post(this.servicesPath, {
      metadata: { name, annotations: annotations(fields) },
      spec: {
        ...(selector ? { selector } : {}),
        ports: [
          { name: 'web', port: 80, targetPort: 8080 },
          { name: 'admin', port: 81, targetPort: 9090 },
        ],
      },
    });
  }

  /** Resolves when the deletion has begun. */
  async delete(): Promise<void> {
    await this.#api.delete(`/api/v1/namespaces/${this.name}`);
  }

  get #deploymentsPath(): string {
    return `/apis/apps/v1/namespaces/${this.name}/deployments`;
  }
}

export const isReady = ({ status, metadata }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
