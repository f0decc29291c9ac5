import { type DraftObject, isRecord, type JsonRecord, textAt } from './object.ts';
import type { Resource } from './resources.ts';

/**
 * The defaults of the real API that clients come to depend on; the rest of an object stays as it was sent.
 * Applied to every object that is created or updated.
 */
export function withDefaults({ group, plural }: Resource, object: DraftObject): DraftObject {
  const kind = group === '' ? plural : `${plural}.${group}`;
  const spec = isRecord(object['spec']) ? object['spec'] : undefined;
  switch (kind) {
    case 'pods':
      return spec === undefined ? object : { ...object, spec: podSpec(spec) };
    case 'services':
      return spec === undefined ? object : { ...object, spec: serviceSpec(spec) };
    case 'namespaces':
      return {
        ...object,
        spec: { finalizers: ['kubernetes'], ...spec },
        metadata: {
          ...object.metadata,
          labels: {
            ...object.metadata?.labels,
            'kubernetes.io/metadata.name': textAt(object, 'metadata.name'),
          },
        },
      };
    case 'deployments.apps':
      return spec === undefined ? object : { ...object, spec: deploymentSpec(spec) };
    case 'replicasets.apps':
    case 'statefulsets.apps':
      return spec === undefined ? object : { ...object, spec: withTemplate({ replicas: 1, ...spec }) };
    case 'endpointslices.discovery.k8s.io':
      return { ...object, ports: slicePorts(object['ports']), endpoints: object['endpoints'] ?? [] };
    default:
      return object;
  }
}

/** The status a fresh object starts with; undefined for kinds that start without one. */
export function initialStatus({ group, plural }: Resource): JsonRecord | undefined {
  if (group === 'apps') return plural === 'deployments' ? {} : { replicas: 0 };
  switch (plural) {
    case 'pods':
      return { phase: 'Pending', qosClass: 'BestEffort' };
    case 'services':
      return { loadBalancer: {} };
    case 'namespaces':
      return { phase: 'Active' };
    default:
      return undefined;
  }
}

function podSpec(spec: JsonRecord): JsonRecord {
  const containers = Array.isArray(spec['containers']) ? spec['containers'] : [];
  return {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    securityContext: {},
    enableServiceLinks: true,
    preemptionPolicy: 'PreemptLowerPriority',
    priority: 0,
    ...spec,
    containers: containers.map(container),
  };
}

function container(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const ports = Array.isArray(value['ports']) ? { ports: value['ports'].map(withProtocol) } : {};
  return {
    imagePullPolicy: 'IfNotPresent',
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    ...value,
    ...ports,
  };
}

const withProtocol = (port: unknown) => (isRecord(port) ? { protocol: 'TCP', ...port } : port);

function serviceSpec(spec: JsonRecord): JsonRecord {
  const ports = Array.isArray(spec['ports']) ? spec['ports'] : undefined;
  return {
    type: 'ClusterIP',
    sessionAffinity: 'None',
    ...spec,
    ...(ports === undefined
      ? {}
      : {
          ports: ports.map((port) =>
            isRecord(port) ? { protocol: 'TCP', targetPort: port['port'], ...port } : port,
          ),
        }),
  };
}

function deploymentSpec(spec: JsonRecord): JsonRecord {
  const strategy = isRecord(spec['strategy']) ? spec['strategy'] : {};
  const rolling = isRecord(strategy['rollingUpdate']) ? strategy['rollingUpdate'] : {};
  const type = strategy['type'] ?? 'RollingUpdate';
  return withTemplate({
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    ...spec,
    strategy:
      type === 'RollingUpdate'
        ? { type, rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%', ...rolling } }
        : { type },
  });
}

function withTemplate(spec: JsonRecord): JsonRecord {
  const template = spec['template'];
  if (!isRecord(template) || !isRecord(template['spec'])) return spec;
  return { ...spec, template: { ...template, spec: podSpec(template['spec']) } };
}

function slicePorts(ports: unknown): unknown {
  return Array.isArray(ports)
    ? ports.map((port) => (isRecord(port) ? { name: '', protocol: 'TCP', ...port } : port))
    : null;
}
