import type { AskingObject } from '../plan/instance-plan.ts';

/** A kind of object that makes pods from a template. */
export interface WorkloadKind {
  readonly kind: string;
  /** `/apis/apps/v1` */
  readonly api: string;
  readonly plural: string;
  /** Its pods are those of the Jobs that it makes. */
  readonly makesJobs?: true;
}

export interface ObjectKind {
  /** As kubectl takes them. The first is shown. */
  readonly names: readonly string[];
  readonly of: AskingObject['kind'] | WorkloadKind;
}

const apps = '/apis/apps/v1';

const batch = '/apis/batch/v1';

const workload = (short: string, kind: string, plural: string, api: string): ObjectKind => ({
  names: [...new Set([short, kind.toLowerCase(), plural])],
  of: { kind, api, plural },
});

/** What a CronJob makes. */
export const jobs: WorkloadKind = { kind: 'Job', api: batch, plural: 'jobs' };

/** What `explain` explains. */
export const objectKinds: readonly ObjectKind[] = [
  { names: ['pod', 'pods', 'po'], of: 'Pod' },
  { names: ['svc', 'service', 'services'], of: 'Service' },
  { names: ['ingress', 'ing', 'ingresses'], of: 'Ingress' },
  { names: ['httproute', 'httproutes'], of: 'HTTPRoute' },
  { names: ['grpcroute', 'grpcroutes'], of: 'GRPCRoute' },
  { names: ['tlsroute', 'tlsroutes'], of: 'TLSRoute' },
  { names: ['gateway', 'gateways', 'gtw'], of: 'Gateway' },
  workload('deploy', 'Deployment', 'deployments', apps),
  workload('sts', 'StatefulSet', 'statefulsets', apps),
  workload('ds', 'DaemonSet', 'daemonsets', apps),
  workload('rs', 'ReplicaSet', 'replicasets', apps),
  { names: ['job', 'jobs'], of: jobs },
  {
    names: ['cronjob', 'cj', 'cronjobs'],
    of: { kind: 'CronJob', api: batch, plural: 'cronjobs', makesJobs: true },
  },
  workload('rollout', 'Rollout', 'rollouts', '/apis/argoproj.io/v1alpha1'),
];
