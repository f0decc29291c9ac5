import { metaKeyRule, nameRule } from './dialect-rules.ts';
import type { AdmissionRule } from './rules.ts';

const annotation = (name: string): string => `'consul.hashicorp.com/${name}'`;
const value = (name: string): string => `variables.a[${annotation(name)}]`;
const absent = (name: string): string => `!(${annotation(name)} in variables.a)`;

/** It may be registered by its own addresses, or those of nodes. */
const isWhole = `((has(object.spec.type) && object.spec.type in ['LoadBalancer', 'NodePort']) || (has(object.spec.externalIPs) && object.spec.externalIPs.size() > 0))`;

/**
 * What src/desired/dialects/consul-k8s.ts refuses in a Service, in CEL: never more than that. `variables.a` are the
 * annotations, and `@/` stands for the prefix of kube-registrar's own: one of these counts in place of theirs.
 */
export const consulK8sRules: readonly AdmissionRule[] = [
  nameRule('consul.hashicorp.com/service-name', 'true'),
  {
    expression: `${absent('service-port')} || '@/port' in variables.a || ${value('service-port')} == '' || (has(object.spec.ports) && object.spec.ports.exists(p, (has(p.name) && p.name == ${value('service-port')}) || string(p.targetPort) == ${value('service-port')} || (${isWhole} && (string(p.port) == ${value('service-port')} || (has(p.nodePort) && string(p.nodePort) == ${value('service-port')})))))`,
    messageExpression: `${annotation('service-port')} + ': "' + ${value('service-port')} + '" is neither the name nor the number of a port of the Service where it is registered'`,
  },
  metaKeyRule('consul.hashicorp.com/service-meta-'),
];
