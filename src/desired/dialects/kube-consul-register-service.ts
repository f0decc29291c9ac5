import type { V1Service, V1ServicePort } from '@kubernetes/client-node';
import { mostPorts } from '../ports.ts';
import { asDeclared, type DeclaredFields, ignore, literal, refuse, type Translated } from './dialect.ts';
import type { KubeConsulRegisterOptions } from './kube-consul-register-options.ts';

/**
 * A Service with `consul.register/enabled`. With `register_source: service` kube-consul-register registers the node ports
 * of Services at every address of every node. With `endpoint` it registers endpoints; the annotation, which it
 * looks for on Endpoints, is read from the Service here, because the operator reads EndpointSlices.
 */
export function kubeConsulRegisterService(
  service: V1Service,
  prefix: string,
  options: KubeConsulRegisterOptions,
): Translated {
  const enabled = `${prefix}enabled`;
  switch (options.registerSource) {
    case 'pod':
      return {
        [enabled]: refuse(
          'on a Service is only used with compatibility.kubeConsulRegister.registerSource "service" or "endpoint"; set it, or write kube-registrar.io/service',
          'service',
        ),
      };
    case 'service':
      return { ...nodePorts(service, enabled, options), ...withoutEffect(service, enabled, prefix) };
    case 'endpoint':
      return { ...endpoints(service, enabled, options), ...withoutEffect(service, enabled, prefix) };
  }
}

function nodePorts(
  { metadata = {}, spec = {} }: V1Service,
  enabled: string,
  options: KubeConsulRegisterOptions,
): Translated {
  const { name = '', labels = {}, uid = '' } = metadata;
  const { type = 'ClusterIP', externalIPs = [], ports = [] } = spec;
  const isNodePort = type === 'NodePort';
  if (externalIPs.length > 0 && (isNodePort || type === 'ClusterIP')) {
    const number = isNodePort ? 'their nodePort, where only a node listens' : 'port 0';
    return {
      [enabled]: refuse(
        `is not used: kube-consul-register registers externalIPs with ${number}; write kube-registrar.io/service and kube-registrar.io/address: external-ips`,
        'service',
      ),
    };
  }
  if (!isNodePort) {
    return {
      [enabled]: ignore(
        `has no effect: kube-consul-register registers Services of type NodePort, and this is of type ${type}`,
      ),
    };
  }
  const tags = tagsOf(labels, options, [`uid:${uid}`]);
  const tcp = ports.slice(0, mostPorts).filter(({ protocol = 'TCP' }) => protocol === 'TCP');
  if (tcp.length === 0) return { [enabled]: ignore('has no effect: the Service has no TCP port') };
  const reached = { address: 'node-port', 'node-port': 'nodes', 'node-address': 'both' };
  return asDeclared(
    tcp.map((port): DeclaredFields => ({ service: literal(name), port: refOf(port), ...reached, ...tags })),
  );
}

function endpoints(
  { metadata = {}, spec = {} }: V1Service,
  enabled: string,
  options: KubeConsulRegisterOptions,
): Translated {
  const { name = '', labels = {} } = metadata;
  const { type = 'ClusterIP', ports = [] } = spec;
  if (type === 'ExternalName' || ports.length === 0) {
    return { [enabled]: ignore('has no effect: the Service has no endpoints with a port') };
  }
  const tags = tagsOf(labels, options);
  return asDeclared(
    ports
      .slice(0, mostPorts)
      .map((port): DeclaredFields => ({ service: literal(name), port: refOf(port), ...tags })),
  );
}

const refOf = ({ name, port }: V1ServicePort): string => name || `${port}`;

function tagsOf(
  labels: Readonly<Record<string, string>>,
  { tags, k8sTag }: KubeConsulRegisterOptions,
  more: readonly string[] = [],
): DeclaredFields {
  const all = [...(k8sTag === '' ? [] : [literal(k8sTag)]), ...(tags ? [...more, ...labelTags(labels)] : [])];
  return all.length === 0 ? {} : { tags: all };
}

/** A label whose value is "tag" is a tag by itself. */
export const labelTags = (labels: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(labels).map(([key, value]) => literal(value === 'tag' ? key : `${key}:${value}`));

/** More are not named. */
const mostNamed = 8;

/** It reads no other annotation on a Service. */
function withoutEffect({ metadata = {} }: V1Service, enabled: string, prefix: string): Translated {
  const keys = Object.keys(metadata.annotations ?? {}).filter(
    (key) => key.startsWith(prefix) && key !== enabled,
  );
  return Object.fromEntries(
    keys.slice(0, mostNamed).map((key) => [key, ignore('has no effect on a Service: it is for pods')]),
  );
}
