import type { V1Container, V1Pod, V1Probe } from '@kubernetes/client-node';
import { mostUserKeys } from '../meta.ts';
import { asDeclared, type Dialect, goBool, literal, refuse, type Translated } from './dialect.ts';
import type { KubeConsulRegisterOptions } from './kube-consul-register-options.ts';
import { kubeConsulRegisterService, labelTags } from './kube-consul-register-service.ts';

const prefix = 'consul.register/';
const metaPrefix = `${prefix}service.meta.`;
const mostContainers = 32;

/** kube-consul-register: pods with each of their containers, node ports of Services, or the endpoints of Services. */
export const kubeConsulRegisterDialect = (options: KubeConsulRegisterOptions): Dialect => ({
  name: 'kube-consul-register',
  prefix,
  ofPod: (pod) => (options.registerSource === 'pod' ? translate(pod, options) : {}),
  ofService: (service) =>
    isEnabled(service.metadata?.annotations) ? kubeConsulRegisterService(service, prefix, options) : {},
});

/** What Go does not read as a boolean counts as false. */
const isEnabled = (annotations: Readonly<Record<string, string>> = {}): boolean =>
  goBool(annotations[`${prefix}enabled`]) === true;

function translate({ metadata = {}, spec }: V1Pod, options: KubeConsulRegisterOptions): Translated {
  const { annotations = {}, labels = {} } = metadata;
  if (!isEnabled(annotations)) return {};
  const named = annotations[`${prefix}pod.container.name`]?.split(',');
  const containers = (spec?.containers ?? []).filter(
    ({ name, ports = [] }) =>
      name !== options.consulContainerName && (named?.includes(name) ?? true) && ports.length > 0,
  );
  if (containers.length === 0) {
    const which = named === undefined ? 'no container in the pod' : 'none of the named containers';
    return {
      [`${prefix}${named === undefined ? 'enabled' : 'pod.container.name'}`]: refuse(
        `has nothing to register: ${which} declares a port`,
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
  return asDeclared(all);
}

/** The same text for all pods of a template: the operator fills in pod and node. */
function tagsOf(
  { name }: V1Container,
  labels: Readonly<Record<string, string>>,
  { tags, k8sTag }: KubeConsulRegisterOptions,
): readonly string[] {
  const own = k8sTag === '' ? [] : [literal(k8sTag)];
  if (!tags) return own;
  return [
    '{pod.name}',
    'pod:{pod.name}',
    'node:{node.name}',
    `container:${name}`,
    ...labelTags(labels),
    ...own,
  ];
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
