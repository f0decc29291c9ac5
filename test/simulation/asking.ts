import { nameByRule } from './rules.ts';

/** What annotations ask for, read directly from the contract: only those the simulator writes. */
export interface Asked {
  readonly service: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly weight: number;
  readonly check: 'readiness' | 'none';
  readonly drain: 'critical' | 'warning' | 'deregister';
  readonly address: 'pod' | 'host';
}

/** `broken`: the service asked for by a declaration with a mistake, empty when that is the mistake. */
export type Asking = { readonly asked: Asked } | { readonly broken: string };

type Annotations = Readonly<Record<string, string>>;

/** Ports of every pod and of every Service in the simulation: name → number. */
export const namedPorts: Readonly<Record<string, number>> = { http: 8080, admin: 9090 };

/** `kubeService`: name of the Service that carries the annotations, empty for a pod. */
export function askings(annotations: Annotations, kubeService: string): Asking[] {
  const { services, ...own } = annotations;
  const found: Asking[] = [];
  if (own['service'] !== undefined && own['service'] !== 'false') found.push(...eachPort(own, kubeService));
  if (services !== undefined) {
    for (const item of listed(services)) found.push(...eachPort(item, kubeService));
  }
  return found;
}

/** With the port `*`, one for each port there is. */
function eachPort(fields: Annotations, kubeService: string): Asking[] {
  if (fields['port'] !== '*') return [asking(fields, kubeService)];
  return Object.keys(namedPorts).map((port) => {
    const one = asking({ ...fields, port }, kubeService);
    return 'broken' in one ? one : { asked: { ...one.asked, service: `${one.asked.service}-${port}` } };
  });
}

export const serviceOf = (asking: Asking): string =>
  'asked' in asking ? asking.asked.service : asking.broken;

/** The simulator writes its lists as JSON, which is YAML; what is not JSON is a mistake. */
function listed(services: string): readonly Annotations[] {
  try {
    return JSON.parse(services) as readonly Annotations[];
  } catch {
    return [{}];
  }
}

function asking(fields: Annotations, kubeService: string): Asking {
  const { service: named = '', port: at = '', tags = '', weight = '1' } = fields;
  const service = kubeService !== '' && named === 'true' ? nameByRule(kubeService) : named;
  if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(service)) return { broken: '' };
  // Everything here has two ports, so one has to be chosen.
  const port = namedPorts[at] ?? (/^\d+$/.test(at) ? Number(at) : 0);
  const isBroken =
    port < 1 ||
    port > 65_535 ||
    !/^[1-9]\d*$/.test(weight) ||
    tags.length > 4_096 ||
    ['consul', 'kube-registrar'].includes(service) ||
    ['check-http', 'health-url', 'check-tcp'].some((name) => /169\.254|10\.9/.test(fields[name] ?? '')) ||
    Object.hasOwn(fields, 'meta.__proto__');
  if (isBroken) return { broken: service };
  return {
    asked: {
      service,
      port,
      tags: [...new Set(tags.split(',').filter((tag) => tag !== ''))].sort(),
      weight: Number(weight),
      check: fields['check'] === 'none' ? 'none' : 'readiness',
      drain: (fields['drain'] ?? 'critical') as Asked['drain'],
      address: fields['address'] === 'host' ? 'host' : 'pod',
    },
  };
}
