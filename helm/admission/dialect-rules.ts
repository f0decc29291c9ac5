import { autoMeta } from '../../src/desired/meta.ts';
import type { AdmissionRule } from './rules.ts';

const dnsLabel = '^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$';

/** Refuses a name that is not usable in DNS. `isMeant`: when it counts. */
export function nameRule(annotation: string, isMeant: string): AdmissionRule {
  const value = `variables.a['${annotation}']`;
  return {
    expression: `!('${annotation}' in variables.a) || !(${isMeant}) || ${value}.trim().matches('${dnsLabel}')`,
    messageExpression: `'${annotation}: "' + ${value} + '" is not a name usable in DNS: letters, digits and hyphens, at most 63'`,
  };
}

/** Refuses keys of meta that belong to kube-registrar or to Consul, or that Consul does not take. */
export function metaKeyRule(prefix: string): AdmissionRule {
  const keys = `variables.a.map(k, k).filter(k, k.startsWith('${prefix}'))`;
  const name = `k.substring(${prefix.length})`;
  const own = Object.values(autoMeta).map((key) => `'${key}'`);
  const reserved = `${name} in [${own.join(', ')}] || ${name}.startsWith('kube-') || ${name}.startsWith('consul-')`;
  const usable = `${name}.matches('^[A-Za-z0-9_-]{1,128}$') && !(${reserved})`;
  return {
    expression: `${keys}.all(k, ${usable})`,
    messageExpression: `${keys}.filter(k, !(${usable})).join(', ') + ': a meta key is 1 to 128 letters, digits, "_" and "-", and none of kube-registrar or Consul'`,
  };
}
