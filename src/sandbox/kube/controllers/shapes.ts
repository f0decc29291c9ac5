import type { KubeObject, ObjectMeta, OwnerReference } from '../object.ts';

/** The parts of the typed API the controllers read and write; objects hold more. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly ports?: readonly {
    readonly name?: string;
    readonly containerPort: number;
    readonly protocol?: string;
  }[];
}

export interface Pod extends KubeObject {
  readonly spec: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly hostname?: string;
    readonly containers: readonly Container[];
    readonly readinessGates?: readonly { readonly conditionType: string }[];
  };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly Condition[];
    readonly [field: string]: unknown;
  };
}

export interface Node extends KubeObject {
  readonly spec?: { readonly unschedulable?: boolean };
  readonly status: {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly conditions?: readonly Condition[];
  };
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly targetPort?: number | string;
}

export interface Service extends KubeObject {
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly clusterIP?: string;
    readonly ports?: readonly ServicePort[];
    readonly publishNotReadyAddresses?: boolean;
    readonly type?: string;
  };
}

export interface PodTemplate {
  readonly metadata?: Pick<Partial<ObjectMeta>, 'labels' | 'annotations'>;
  readonly spec: Pod['spec'];
}

export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}

export interface ReplicaSet extends KubeObject {
  readonly spec: { readonly replicas: number; readonly selector: Selector; readonly template: PodTemplate };
  readonly status?: {
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly observedGeneration?: number;
  };
}

export interface Deployment extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly paused?: boolean;
    readonly revisionHistoryLimit?: number;
    readonly selector: Selector;
    readonly template: PodTemplate;
    readonly strategy: {
      readonly type: string;
      readonly rollingUpdate?: {
        readonly maxSurge: number | string;
        readonly maxUnavailable: number | string;
      };
    };
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export function conditionOf(
  object: { readonly status?: { readonly conditions?: readonly Condition[] } },
  type: string,
): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

export const isReady = (object: Pod | Node): boolean => conditionOf(object, 'Ready')?.status === 'True';
export const isDeleting = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined;
export const hasEnded = ({ status }: Pod): boolean =>
  status.phase === 'Succeeded' || status.phase === 'Failed';

export function controllerOf({ metadata }: KubeObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

export function ownedBy(owner: KubeObject): OwnerReference {
  const { apiVersion, kind, metadata } = owner;
  return {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The conditions with these set; one whose status stays keeps its time of transition. */
export function withConditions(
  current: readonly Condition[] | undefined,
  changes: readonly Condition[],
  time: string,
): Condition[] {
  const conditions = [...(current ?? [])];
  for (const change of changes) {
    const index = conditions.findIndex(({ type }) => type === change.type);
    const old = conditions[index];
    const same = old?.status === change.status && old.lastTransitionTime !== undefined;
    const next = { ...change, lastTransitionTime: same ? old.lastTransitionTime : time } as Condition;
    if (index < 0) conditions.push(next);
    else conditions[index] = next;
  }
  return conditions;
}
