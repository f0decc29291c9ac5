/**
 * Registers pods with the Consul agents of their nodes as kube-consul-register (`register_mode: node`) and registrator
 * do, which are not part of this project: in rounds, as they synchronize.
 */

import type { ConsulAgent } from './consul.ts';
import type { KubeApi, KubeList } from './kube-api.ts';
import type { Pod } from './kubelet.ts';
import { Rounds } from './rounds.ts';
import { isReady } from './workloads.ts';

interface Registration {
  readonly ID: string;
  readonly Name: string;
  readonly Address: string;
  readonly Port: number;
  readonly Tags: readonly string[];
  readonly Meta: Readonly<Record<string, string>>;
}

interface AgentService {
  readonly ID: string;
  readonly Tags: readonly string[] | null;
}

/** What differs between the two. */
export interface RegistrarKind {
  /** Undefined: the pod does not ask. */
  readonly registration: (pod: Pod) => Registration | undefined;
  /** Whether it takes an agent's service for its own, so that it removes it when no pod has its id. */
  readonly isOwn: (service: AgentService) => boolean;
  /** Whether it registers in each round what the agent has already. */
  readonly repeats: boolean;
}

const service = 'web';
const port = 8080;
const tag = 'kubernetes';

/** One container a pod, whose liveness probe it leaves out. What has its tag is its own. */
export const kubeConsulRegister: RegistrarKind = {
  registration: ({ metadata: { name, annotations = {}, labels = {} }, spec, status }) =>
    annotations['consul.register/enabled'] !== 'true'
      ? undefined
      : {
          ID: `${name}-main`,
          Name: annotations['consul.register/service.name'] ?? name,
          Address: status?.podIP ?? '',
          Port: port,
          Tags: [
            name,
            `pod:${name}`,
            `node:${spec.nodeName}`,
            'container:main',
            ...Object.entries(labels).map(([key, value]) => `${key}:${value}`),
            tag,
          ],
          Meta: {},
        },
  isOwn: ({ Tags }) => (Tags ?? []).includes(tag),
  repeats: false,
};

/** With `-resync` and `-cleanup`, for containers of the kubelet. What has its host in the id is its own. */
export const registrator: RegistrarKind = {
  registration: ({ metadata: { name, namespace, uid }, status }) => ({
    ID: `host:k8s_main_${name}_${namespace}_${uid}_0:${port}`,
    Name: service,
    Address: status?.podIP ?? '',
    Port: port,
    Tags: ['blue'],
    Meta: { team: 'shop', check_http: '/' },
  }),
  isOwn: ({ ID }) => /^host:[a-zA-Z0-9][a-zA-Z0-9_.-]+:[0-9]+(?::udp)?$/.test(ID),
  repeats: true,
};

export interface AgentRegistrarOptions {
  readonly kind: RegistrarKind;
  readonly kube: KubeApi;
  /** Agents by the name of their Kubernetes node. */
  readonly agents: Readonly<Record<string, ConsulAgent>>;
  /** Only pods of this namespace. */
  readonly namespace: string;
  /** From round to round. */
  readonly intervalMs: number;
}

export class AgentRegistrar implements AsyncDisposable {
  /** The ids of everything it has deregistered. */
  readonly deregistered: string[] = [];
  readonly #options: AgentRegistrarOptions;
  readonly #rounds: Rounds;

  constructor(options: AgentRegistrarOptions) {
    this.#options = options;
    this.#rounds = new Rounds(() => this.#synchronize(), options.intervalMs);
  }

  /** How often it has synchronized. */
  get rounds(): number {
    return this.#rounds.count;
  }

  /** Throws what ended it before its time. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#rounds[Symbol.asyncDispose]();
  }

  async #synchronize(): Promise<void> {
    const { kind, kube, agents, namespace } = this.#options;
    const { items } = await kube.get<KubeList<Pod>>(`/api/v1/namespaces/${namespace}/pods`);
    for (const [node, { api }] of Object.entries(agents)) {
      const wanted = items
        .filter((pod) => pod.spec.nodeName === node && isReady(pod))
        .flatMap((pod) => kind.registration(pod) ?? []);
      const ids = new Set(wanted.map(({ ID }) => ID));
      const there = Object.values(await api.get<Record<string, AgentService>>('/v1/agent/services'));
      for (const { ID } of there.filter((each) => kind.isOwn(each) && !ids.has(each.ID))) {
        this.deregistered.push(ID);
        await api.put(`/v1/agent/service/deregister/${ID}`);
      }
      for (const each of wanted) {
        if (kind.repeats || !there.some(({ ID }) => ID === each.ID)) {
          await api.put('/v1/agent/service/register', each);
        }
      }
    }
  }
}
