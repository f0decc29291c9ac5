import { coreToEventsV1, eventsV1ToCore } from './event-conversion.ts';
import type { DraftObject, KubeObject } from './object.ts';

/** One row of the table of what the server serves. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Key under which objects are stored: two groups may serve the same objects (events). */
  readonly storage: string;
  readonly shortNames: readonly string[];
  /** Has a status subresource: the main endpoint then leaves the status as it is. */
  readonly status: boolean;
  /** Has a scale subresource: `spec.replicas` alone. */
  readonly scale: boolean;
  /** A status sent with a create is kept (nodes), not dropped. */
  readonly keepsStatusOnCreate: boolean;
  /** `metadata.generation` counts changes of everything but metadata and status. */
  readonly generation: boolean;
  /** An update without a resourceVersion is allowed. */
  readonly unconditionalUpdate: boolean;
  /** An update of what does not exist creates it. */
  readonly createOnUpdate: boolean;
  /** The answer to a deletion shows the object, not a Status. */
  readonly returnsDeleted: boolean;
  /** Paths a field selector may name besides metadata.name and metadata.namespace. */
  readonly fields: readonly string[];
  /** Between the form the API shows and the form in the store, where they differ. */
  readonly toStored?: (object: DraftObject) => DraftObject;
  readonly fromStored?: (object: KubeObject) => KubeObject;
}

type Row = Pick<Resource, 'group' | 'version' | 'plural' | 'kind'> & Partial<Resource>;

const row = (values: Row): Resource => ({
  namespaced: true,
  storage: values.group === '' ? values.plural : `${values.plural}.${values.group}`,
  shortNames: [],
  status: false,
  scale: false,
  keepsStatusOnCreate: false,
  generation: false,
  unconditionalUpdate: true,
  createOnUpdate: false,
  returnsDeleted: false,
  fields: [],
  ...values,
});

const core = { group: '', version: 'v1' };
const apps = { group: 'apps', version: 'v1', status: true, scale: true, generation: true };
const batch = { group: 'batch', version: 'v1', status: true, generation: true };
/** Custom resources; those of the standard channel. */
const gatewayApi = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  status: true,
  generation: true,
  unconditionalUpdate: false,
};
const eventFields = [
  'involvedObject.kind',
  'involvedObject.namespace',
  'involvedObject.name',
  'involvedObject.uid',
  'reason',
  'type',
  'reportingComponent',
];

export const resources: readonly Resource[] = [
  row({
    ...core,
    plural: 'pods',
    kind: 'Pod',
    shortNames: ['po'],
    status: true,
    generation: true,
    returnsDeleted: true,
    fields: [
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'spec.hostNetwork',
      'status.phase',
      'status.podIP',
    ],
  }),
  row({
    ...core,
    plural: 'services',
    kind: 'Service',
    shortNames: ['svc'],
    status: true,
    createOnUpdate: true,
    returnsDeleted: true,
    fields: ['spec.clusterIP', 'spec.type'],
  }),
  row({
    ...core,
    plural: 'nodes',
    kind: 'Node',
    namespaced: false,
    shortNames: ['no'],
    status: true,
    keepsStatusOnCreate: true,
    fields: ['spec.unschedulable'],
  }),
  row({
    ...core,
    plural: 'namespaces',
    kind: 'Namespace',
    namespaced: false,
    shortNames: ['ns'],
    status: true,
    returnsDeleted: true,
    fields: ['status.phase'],
  }),
  row({
    ...core,
    plural: 'serviceaccounts',
    kind: 'ServiceAccount',
    shortNames: ['sa'],
    returnsDeleted: true,
  }),
  row({ ...core, plural: 'configmaps', kind: 'ConfigMap', shortNames: ['cm'] }),
  row({
    ...core,
    plural: 'events',
    kind: 'Event',
    shortNames: ['ev'],
    createOnUpdate: true,
    fields: eventFields,
  }),
  row({
    group: 'events.k8s.io',
    version: 'v1',
    plural: 'events',
    kind: 'Event',
    storage: 'events',
    createOnUpdate: true,
    toStored: eventsV1ToCore,
    fromStored: coreToEventsV1,
  }),
  row({
    group: 'discovery.k8s.io',
    version: 'v1',
    plural: 'endpointslices',
    kind: 'EndpointSlice',
    generation: true,
  }),
  row({
    group: 'networking.k8s.io',
    version: 'v1',
    plural: 'ingresses',
    kind: 'Ingress',
    shortNames: ['ing'],
    status: true,
    generation: true,
  }),
  row({ ...gatewayApi, plural: 'gateways', kind: 'Gateway', shortNames: ['gtw'] }),
  row({ ...gatewayApi, plural: 'httproutes', kind: 'HTTPRoute' }),
  row({ ...gatewayApi, plural: 'grpcroutes', kind: 'GRPCRoute' }),
  row({ ...gatewayApi, plural: 'tlsroutes', kind: 'TLSRoute' }),
  row({
    group: 'coordination.k8s.io',
    version: 'v1',
    plural: 'leases',
    kind: 'Lease',
    unconditionalUpdate: false,
    createOnUpdate: true,
  }),
  row({ ...apps, plural: 'deployments', kind: 'Deployment', shortNames: ['deploy'] }),
  row({
    ...apps,
    plural: 'replicasets',
    kind: 'ReplicaSet',
    shortNames: ['rs'],
    fields: ['status.replicas'],
  }),
  row({ ...apps, plural: 'statefulsets', kind: 'StatefulSet', shortNames: ['sts'] }),
  row({ ...apps, plural: 'daemonsets', kind: 'DaemonSet', shortNames: ['ds'], scale: false }),
  row({ ...batch, plural: 'jobs', kind: 'Job', fields: ['status.successful'] }),
  row({ ...batch, plural: 'cronjobs', kind: 'CronJob', shortNames: ['cj'] }),
];

const byPath = new Map(resources.map((resource) => [pathOf(resource), resource]));
const byKind = new Map(resources.map((resource) => [`${apiVersionOf(resource)}/${resource.kind}`, resource]));

function pathOf({ group, version, plural }: Pick<Resource, 'group' | 'version' | 'plural'>): string {
  return `${group}/${version}/${plural}`;
}

/** `v1`, `apps/v1`. */
export function apiVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

export function resourceAt(group: string, version: string, plural: string): Resource | undefined {
  return byPath.get(pathOf({ group, version, plural }));
}

/** The resource an object belongs to; throws for a kind the server does not know. */
export function resourceOfKind(apiVersion: string, kind: string): Resource {
  const resource = byKind.get(`${apiVersion}/${kind}`);
  if (resource === undefined) throw new Error(`no resource for ${apiVersion} ${kind}`);
  return resource;
}

/** By its name in the store: `pods`, `deployments.apps`. Throws for an unknown one. */
export function resourceNamed(name: string): Resource {
  const resource = resources.find(({ storage }) => storage === name);
  if (resource === undefined) throw new Error(`no resource named ${name}`);
  return resource;
}

/** The key of an object in its store, in etcd's order: namespace first. */
export function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}
