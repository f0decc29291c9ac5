import type { V1Container, V1Pod, V1Probe } from '@kubernetes/client-node';
import { mostUserKeys } from '../meta.ts';
import { type Dialect, goBool, literal, refuse, type Translated } from './dialect.ts';

/** The settings of kube-consul-register that matter here. */
export interface KubeConsulRegisterOptions {
  /** Whether instances have its tags: pod, node, container and the labels. */
  readonly tags: boolean;
  /** The tag of every instance; empty: none. */
  readonly k8sTag: string;
  /** The container that is never registered. */
  readonly consulContainerName: string;
}

const prefix = 'consul.register/';
const metaPrefix = `${prefix}service.meta.`;
const mostContainers = 32;

/** kube-consul-register with `register_source: pod`: every container with a port becomes an instance. */
export const kubeConsulRegisterDialect = (options: KubeConsulRegisterOptions): Dialect => ({
  name: 'kube-consul-register',
  prefix,
  ofPod: (pod) => translate(pod, options),
  ofService: ({ metadata }) =>
    isEnabled(metadata?.annotations)
      ? {
          [`${prefix}enabled`]: refuse(
            'on a Service is not followed; write kube-registrar.io/service and address',
            'service',
          ),
        }
      : {},
});

/** What Go does not read as a boolean counts as false. */
const isEnabled = (annotations: Readonly<Record<string, string>> = {}): boolean =>
  goBool(annotations[`${prefix}enabled`]) === true;

type Fields = Readonly<Record<string, string | readonly string[]>>;

function translate({ metadata = {}, spec }: V1Pod, options: KubeConsulRegisterOptions): Translated {
  const { annotations = {}, labels = {} } = metadata;
  if (!isEnabled(annotations)) return {};
  const named = annotations[`${prefix}pod.container.name`]?.split(',');
  const containers = (spec?.containers ?? []).filter(
    ({ name, ports = [] }) =>
      name !== options.consulContainerName && (named?.includes(name) ?? true) && ports.length > 0,
  );
  if (containers.length === 0) {
    const which = named === undefined ? 'no container of the pod' : 'none of the containers that it names';
    return {
      [`${prefix}${named === undefined ? 'enabled' : 'pod.container.name'}`]: refuse(
        `has nothing to register: ${which} has a port`,
        'service',
      ),
    };
  }
  const service = literal(annotations[`${prefix}service.name`] ?? '') || '{pod.name}';
  const common = { service, ...metaOf(annotations) };
  const all = containers.slice(0, mostContainers).map((container) => ({
    ...common,
    port: `${container.ports![0]!.containerPort}`,
    ...(options.tags || options.k8sTag !== '' ? { tags: tagsOf(container, labels, options) } : {}),
    ...(goBool(annotations[`${prefix}pod.container.probe.liveness`]) === false
      ? {}
      : checkOf(container.livenessProbe)),
  }));
  const [only, ...others] = all;
  // JSON is YAML.
  return others.length > 0 ? { services: JSON.stringify(all) } : plain(only!);
}

const plain = (fields: Fields): Translated =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : value.map((tag) => tag.replaceAll(',', '\\,')).join(','),
    ]),
  );

/** The same text for all pods of a template: the operator fills in pod and node. */
function tagsOf(
  { name }: V1Container,
  labels: Readonly<Record<string, string>>,
  { tags, k8sTag }: KubeConsulRegisterOptions,
): string[] {
  const own = k8sTag === '' ? [] : [literal(k8sTag)];
  if (!tags) return own;
  const ofLabels = Object.entries(labels).map(([key, value]) =>
    literal(value === 'tag' ? key : `${key}:${value}`),
  );
  return ['{pod.name}', 'pod:{pod.name}', 'node:{node.name}', `container:${name}`, ...ofLabels, ...own];
}

function metaOf(annotations: Readonly<Record<string, string>>): Translated {
  const keys = Object.keys(annotations).filter((key) => key.startsWith(metaPrefix));
  return Object.fromEntries(
    keys
      .slice(0, mostUserKeys + 1)
      .map((key) => [`meta.${key.slice(metaPrefix.length)}`, literal(annotations[key]!)]),
  );
}

/** The probe as a check that Consul makes. What runs a command, or names another host, is none of Consul's. */
function checkOf(probe: V1Probe | undefined): Translated {
  const target = targetOf(probe);
  if (probe === undefined || target === undefined) return {};
  return {
    ...target,
    'check-interval': `${probe.periodSeconds ?? 10}s`,
    'check-timeout': `${probe.timeoutSeconds ?? 1}s`,
  };
}

function targetOf({ httpGet, tcpSocket }: V1Probe = {}): Translated | undefined {
  if (httpGet !== undefined && !httpGet.host) {
    const { scheme = 'HTTP', port, path = '/' } = httpGet;
    return { 'check-http': literal(`${scheme.toLowerCase()}://:${port}${path}`) };
  }
  return tcpSocket === undefined || tcpSocket.host ? undefined : { 'check-tcp': `${tcpSocket.port}` };
}
