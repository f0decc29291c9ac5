import type { Instance } from '../model/instance.ts';
import { metaSetters } from './annotations.ts';
import { metaPrefix, servicesField } from './fields.ts';

/**
 * What an annotation, by its name without the prefix, has become in the instances that it asks for: `port 8080`.
 * Undefined when the instances show nothing of it.
 */
export function effectOf(name: string, instances: readonly Instance[]): string | undefined {
  const [instance] = instances;
  if (instance === undefined) return undefined;
  if (name === servicesField) return `services ${unique(instances.map(({ service }) => service))}`;
  const { weights, checks, meta } = instance;
  switch (name) {
    case 'service':
      return `service ${instance.service}`;
    case 'port':
      return `port ${instance.port}`;
    case 'address':
      return `address ${instance.address}`;
    case 'tags':
      return `tags ${instance.tags.join(', ')}`;
    case 'weight':
      return `weight ${weights.passing} while passing`;
    case 'weight-warning':
      return `weight ${weights.warning} while a check warns`;
  }
  if (name.startsWith('check')) return `checks ${unique(checks.map((check) => check.name)) || '(none)'}`;
  const key = name.startsWith(metaPrefix)
    ? name.slice(metaPrefix.length)
    : metaSetters.find((setter) => setter.name === name)?.metaKey;
  return key === undefined || meta[key] === undefined ? undefined : `meta ${key}=${meta[key]}`;
}

const unique = (texts: readonly string[]): string => [...new Set(texts)].join(', ');
