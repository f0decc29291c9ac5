/** A release of the chart, installed by the real helm. */
import type { PolicyRule } from '../../../helm/rbac-rules.ts';
import { containerOptions, type PodSpec } from './containers.ts';
import { chart, helm, tryHelm } from './helm.ts';
import { ImageProcess } from './image.ts';
import type { Ended, JobRunner } from './job-runner.ts';
import type { Kube } from './kube.ts';
import type { KubeList, KubeObject } from './kube-api.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';

export interface Role extends KubeObject {
  rules: PolicyRule[];
}

/** A role where it stands. */
export interface PlacedRole {
  readonly path: string;
  readonly role: Role;
}

/** One right: a verb on a resource, where. */
export interface Right {
  readonly verb: string;
  /** `pods/status`, `leases.coordination.k8s.io` */
  readonly resource: string;
  /** Undefined: everywhere. */
  readonly namespace: string | undefined;
}

export const rightText = ({ verb, resource, namespace }: Right): string =>
  `${verb} ${resource} in ${namespace ?? 'all namespaces'}`;

export type Values = Readonly<Record<string, unknown>>;

interface Templated extends KubeObject {
  readonly spec: { readonly template: { readonly spec: PodSpec } };
}

export class Release {
  readonly name = 'kube-registrar';
  readonly namespace: string;
  readonly #kube: Kube;

  /** Installs into a new namespace, one that admits restricted pods only. */
  static async install(
    kube: Kube,
    namespace: string,
    values: Values,
    chartPath: string = chart,
  ): Promise<Release> {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await kube.api.post('/api/v1/namespaces', { metadata: { name: namespace, labels } });
    const release = new Release(kube, namespace);
    await release.upgrade(values, chartPath);
    return release;
  }

  private constructor(kube: Kube, namespace: string) {
    this.#kube = kube;
    this.namespace = namespace;
  }

  /** `helm upgrade --install` with these values and no others. */
  async upgrade(values: Values, chartPath: string = chart): Promise<void> {
    const sets = Object.entries(values).flatMap(([key, value]) => [
      '--set-json',
      `${key}=${JSON.stringify(value)}`,
    ]);
    await this.helm('upgrade', '--install', this.name, chartPath, ...sets);
  }

  /** A command of helm's about this release. Rejects with what it printed on stderr. */
  helm(...args: readonly string[]): Promise<string> {
    return helm(...args, ...this.#flags);
  }

  /** `helm test` or `helm uninstall`, with the Job of its hook run beside it. */
  async withJob(
    command: 'test' | 'uninstall',
    runner: JobRunner,
  ): Promise<{ code: number; output: string; job: Ended }> {
    const job = `${this.name}-${command === 'test' ? 'test' : 'cleanup'}`;
    const [helmed, ended] = await Promise.all([
      tryHelm(command, this.name, ...this.#flags),
      runner.run(this.namespace, job, [this.name]),
    ]);
    return { ...helmed, job: ended };
  }

  get #flags(): readonly string[] {
    return ['--namespace', this.namespace, '--kubeconfig', this.#kube.kubeconfigPath];
  }

  /** The operator as a pod of the Deployment would run it. `port`: of its HTTP server. */
  async operator(port?: number): Promise<ImageProcess> {
    const path = `/apis/apps/v1/namespaces/${this.namespace}/deployments/${this.name}`;
    const { spec } = (await this.#kube.api.get<Templated>(path)).spec.template;
    return ImageProcess.create(
      await containerOptions(this.#kube, this.namespace, spec, spec.containers[0]!),
      port,
    );
  }

  /** All of its roles, in whatever namespace. */
  async roles(): Promise<PlacedRole[]> {
    const found: PlacedRole[] = [];
    for (const kind of ['clusterroles', 'roles']) {
      const selector = 'app.kubernetes.io/name=kube-registrar';
      const { items } = await this.#kube.api.get<KubeList<Role>>(`${rbac}/${kind}?labelSelector=${selector}`);
      for (const role of items) {
        const { metadata } = role;
        if (metadata.annotations?.['meta.helm.sh/release-namespace'] !== this.namespace) continue;
        const where = metadata.namespace === undefined ? '' : `namespaces/${metadata.namespace}/`;
        found.push({ path: `${rbac}/${where}${kind}/${metadata.name}`, role });
      }
    }
    return found;
  }

  async rights(): Promise<Right[]> {
    return rightsOf(await this.roles());
  }

  /** Takes a right away for as long as the result lives. */
  async without(right: Right): Promise<AsyncDisposable> {
    const { path, role } = (await this.roles()).find((placed) =>
      rightsOf([placed]).some((had) => rightText(had) === rightText(right)),
    )!;
    const rules = role.rules.flatMap((rule) =>
      rule.resources.flatMap((resource) => {
        const name = rule.apiGroups[0] === '' ? resource : `${resource}.${rule.apiGroups[0]}`;
        const verbs = rule.verbs.filter((verb) => name !== right.resource || verb !== right.verb);
        return verbs.length === 0 ? [] : [{ ...rule, resources: [resource], verbs }];
      }),
    );
    const { api } = this.#kube;
    await api.patchAs(path, { rules }, 'merge');
    return {
      async [Symbol.asyncDispose]() {
        await api.patchAs(path, { rules: role.rules }, 'merge');
      },
    };
  }
}

function rightsOf(roles: readonly PlacedRole[]): Right[] {
  return roles.flatMap(({ role }) =>
    role.rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.map((verb) => ({
            verb,
            resource: group === '' ? resource : `${resource}.${group}`,
            namespace: role.metadata.namespace,
          })),
        ),
      ),
    ),
  );
}
