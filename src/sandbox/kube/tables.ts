import { ageText } from './age-text.ts';
import { defined, isRecord, type JsonRecord, type KubeObject, textAt, valueAt } from './object.ts';
import type { Resource } from './resources.ts';

/** A column that `kubectl get` prints. */
interface Column {
  readonly name: string;
  /** Only with `-o wide`. */
  readonly wide?: boolean;
  /** `now`: wall-clock milliseconds. */
  readonly cell: (object: KubeObject, now: number) => string;
}

/** How an object is shown: with its whole metadata, with all of it, or not at all. */
export type IncludeObject = 'Metadata' | 'Object' | 'None';

/** Whether a client prefers a table (meta.k8s.io/v1) to objects, as `kubectl get` does. */
export const wantsTable = (accept: string): boolean => {
  const [first = ''] = accept.split(',');
  return ['as=Table', 'v=v1', 'g=meta.k8s.io'].every((part) => first.split(';').includes(part));
};

/** The objects as the server's table, ready to be printed. */
export function tableOf(
  resource: Resource,
  objects: readonly KubeObject[],
  metadata: JsonRecord,
  { now, include }: { readonly now: number; readonly include: IncludeObject },
): JsonRecord {
  const columns = [nameColumn, ...(columnsOf[resource.storage] ?? []), ageColumn];
  // Wide columns stand behind the others, as the real server orders them.
  columns.sort((a, b) => Number(a.wide ?? false) - Number(b.wide ?? false));
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(({ name, wide = false }) => ({
      name,
      type: 'string',
      format: name === 'Name' ? 'name' : '',
      description: name,
      priority: wide ? 1 : 0,
    })),
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cell(object, now)),
      ...(include === 'None' ? {} : { object: include === 'Object' ? object : metadataOf(object) }),
    })),
  };
}

const metadataOf = ({ metadata }: KubeObject): JsonRecord => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata,
});

const none = '<none>';
const column = (name: string, cell: Column['cell'], wide = false): Column => ({ name, cell, wide });
/** The text at a path. */
const at = (name: string, path: string, missing = none): Column =>
  column(name, (object) => textAt(object, path) || missing);
/** A number at a path; one that is left out is 0. */
const countAt = (object: KubeObject, path: string): string => textAt(object, path) || '0';
const count = (name: string, path: string): Column => column(name, (object) => countAt(object, path));
const readyOf = (path: string): Column =>
  column('Ready', (object) => `${countAt(object, path)}/${countAt(object, 'spec.replicas')}`);
const wide = (other: Column): Column => ({ ...other, wide: true });

const nameColumn = at('Name', 'metadata.name');
const ageColumn = column('Age', ({ metadata }, now) => ageText(now - Date.parse(metadata.creationTimestamp)));

const records = (object: KubeObject, path: string): readonly JsonRecord[] => {
  const value = valueAt(object, path);
  return Array.isArray(value) ? value.filter(isRecord) : [];
};

const joined = (texts: readonly unknown[]): string => (texts.length === 0 ? none : texts.join(','));
const labelsAt = (path: string) => (object: KubeObject) => {
  const value = valueAt(object, path);
  return joined(isRecord(value) ? Object.entries(value).map(([key, text]) => `${key}=${text}`) : []);
};
const ofContainers = (field: string) => (object: KubeObject) =>
  joined(records(object, 'spec.template.spec.containers').map((each) => each[field]));

const templateColumns: readonly Column[] = [
  column('Containers', ofContainers('name'), true),
  column('Images', ofContainers('image'), true),
  column('Selector', labelsAt('spec.selector.matchLabels'), true),
];

/** By the resource's name in the store; name and age are in every table. */
const columnsOf: Readonly<Record<string, readonly Column[]>> = {
  pods: [
    column('Ready', (pod) => {
      const ready = records(pod, 'status.containerStatuses').filter((each) => each['ready'] === true);
      return `${ready.length}/${records(pod, 'spec.containers').length}`;
    }),
    column('Status', (pod) =>
      pod.metadata.deletionTimestamp === undefined
        ? textAt(pod, 'status.reason') || textAt(pod, 'status.phase')
        : 'Terminating',
    ),
    column('Restarts', () => '0'),
    wide(at('IP', 'status.podIP')),
    wide(at('Node', 'spec.nodeName')),
  ],
  services: [
    at('Type', 'spec.type'),
    at('Cluster-IP', 'spec.clusterIP'),
    column('External-IP', (service) =>
      joined([
        ...records(service, 'status.loadBalancer.ingress').map(({ ip, hostname }) => ip ?? hostname),
        ...((valueAt(service, 'spec.externalIPs') as readonly string[] | undefined) ?? []),
      ]),
    ),
    column('Port(s)', (service) =>
      joined(
        records(service, 'spec.ports').map(
          ({ port, nodePort, protocol = 'TCP' }) =>
            `${port}${nodePort === undefined ? '' : `:${nodePort}`}/${protocol}`,
        ),
      ),
    ),
    column('Selector', labelsAt('spec.selector'), true),
  ],
  nodes: [
    column('Status', (node) => {
      const ready = records(node, 'status.conditions').find(({ type }) => type === 'Ready');
      const status = ready?.['status'] === 'True' ? 'Ready' : 'NotReady';
      return valueAt(node, 'spec.unschedulable') === true ? `${status},SchedulingDisabled` : status;
    }),
    column('Internal-IP', (node) =>
      joined(
        records(node, 'status.addresses').flatMap(({ type, address }) =>
          type === 'InternalIP' ? [address] : [],
        ),
      ),
    ),
  ],
  namespaces: [at('Status', 'status.phase')],
  events: [
    at('Type', 'type'),
    at('Reason', 'reason'),
    column('Object', (event) => {
      const [kind, name] = [textAt(event, 'involvedObject.kind'), textAt(event, 'involvedObject.name')];
      return `${kind.toLowerCase()}/${name}`;
    }),
    at('Message', 'message', ''),
  ],
  'endpointslices.discovery.k8s.io': [
    at('AddressType', 'addressType'),
    column('Ports', (slice) => joined(records(slice, 'ports').map(({ port }) => port))),
    column('Endpoints', (slice) =>
      joined(records(slice, 'endpoints').flatMap(({ addresses }) => addresses as readonly string[])),
    ),
  ],
  'leases.coordination.k8s.io': [at('Holder', 'spec.holderIdentity', '')],
  'deployments.apps': [
    readyOf('status.readyReplicas'),
    count('Up-to-date', 'status.updatedReplicas'),
    count('Available', 'status.availableReplicas'),
    ...templateColumns,
  ],
  'replicasets.apps': [
    count('Desired', 'spec.replicas'),
    count('Current', 'status.replicas'),
    count('Ready', 'status.readyReplicas'),
    ...templateColumns,
  ],
  'statefulsets.apps': [readyOf('status.readyReplicas'), ...templateColumns],
};

/** metav1.ListMeta of a page. */
export const listMeta = (page: {
  readonly resourceVersion: string;
  readonly continueToken: string;
  readonly remainingItemCount?: number | undefined;
}): JsonRecord =>
  defined({
    resourceVersion: page.resourceVersion,
    continue: page.continueToken === '' ? undefined : page.continueToken,
    remainingItemCount: page.remainingItemCount,
  });
