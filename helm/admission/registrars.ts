import { metaKeyRule, nameRule } from './dialect-rules.ts';
import type { AdmissionRule } from './rules.ts';

const named = (annotation: string): AdmissionRule =>
  nameRule(annotation, `variables.a['${annotation}'] != ''`);
const port = "variables.a['consul-registrator/service-port']";

/**
 * What src/desired/dialects/kube-consul-register.ts refuses in a pod, in CEL: never more than that. `variables.a` are the
 * annotations, and `@/` stands for the prefix of kube-registrar's own.
 */
export const kubeConsulRegisterRules: readonly AdmissionRule[] = [
  named('consul.register/service.name'),
  metaKeyRule('consul.register/service.meta.'),
];

/** The same for src/desired/dialects/kube-consul-registrator.ts. */
export const kubeConsulRegistratorRules: readonly AdmissionRule[] = [
  named('consul-registrator/service-name'),
  {
    expression: `!('consul-registrator/service-port' in variables.a) || '@/port' in variables.a || ${port}.contains('{') || ${port}.trim() == '*' || (${port}.trim().matches('^[0-9]+$') ? ${port}.trim().matches('^[0-9]{1,5}$') && int(${port}.trim()) >= 1 && int(${port}.trim()) <= 65535 : ${port}.trim().matches('^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$'))`,
    messageExpression: `'consul-registrator/service-port: "' + ${port} + '" is neither the name of a port nor a number from 1 to 65535'`,
  },
  metaKeyRule('consul-registrator/service-meta-'),
];
