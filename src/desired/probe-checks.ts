import type { Check, Probe } from '../model/check.ts';
import { checkId, type InstanceId } from '../model/keys.ts';
import type { Problem } from '../model/problem.ts';
import { urlHost } from './addresses.ts';
import type { Declaration } from './declaration.ts';
import type { Health } from './health.ts';
import type { Read } from './mistake.ts';
import type { DesiredOptions } from './options.ts';
import type { ProbeTarget } from './probes.ts';
import { fieldOf } from './raw-declaration.ts';
import type { PortRef } from './values.ts';

/** Where the instance itself is. */
export interface Place {
  readonly address: string;
  readonly port: number;
  /** Which port a name means there. */
  readonly portOf: (ref: PortRef) => Read<number>;
}

/** What others are to probe for a declaration, by the last part of the check's id. */
export type Probes = ReadonlyMap<string, Probe>;

const noProbes: Probes = new Map();

/** Undefined fields ask for nothing; without anybody who probes, nothing is. */
export function probesOf(
  declaration: Declaration,
  place: Place,
  { probes: prober }: DesiredOptions,
): Probes | Omit<Problem, 'object'> {
  if (prober === undefined) return noProbes;
  const { probes, healthUrl } = declaration;
  const timing = {
    intervalMs: probes.intervalMs,
    timeoutMs: probes.timeoutMs,
    deregisterAfterMs: probes.deregisterCriticalAfterMs ?? prober.deregisterCriticalAfterMs,
  };
  const found = new Map<string, Probe>();
  const add = (id: string, kind: Probe['kind'], target: string): void => {
    found.set(id, { kind, target, ...timing });
  };
  if (probes.http !== undefined) add('http', 'http', urlOn(place, probes.http));
  if (healthUrl !== undefined) add('health-url', 'http', urlOn(place, healthUrl));
  for (const kind of ['tcp', 'grpc'] as const) {
    const asked = probes[kind];
    if (asked === undefined) continue;
    const target = targetOn(place, asked);
    if ('refused' in target) {
      const field = fieldOf(declaration, `check-${kind}`);
      return { reason: 'InvalidAnnotation', field, message: target.refused, severity: 'error' };
    }
    const service = 'service' in asked && asked.service !== '' ? `/${asked.service}` : '';
    add(kind, kind, `${target.value}${service}`);
  }
  return found;
}

const names: Readonly<Record<string, string>> = {
  http: 'HTTP check',
  'health-url': 'Health URL',
  tcp: 'TCP check',
  grpc: 'gRPC check',
};

/**
 * The checks of these probes. Until it has been probed for the first time, an instance is what Kubernetes
 * says of it: a new one that is ready need not wait. Where nobody asks Kubernetes, it is critical.
 */
export function probeChecks(id: InstanceId, probes: Probes, health: Health | undefined): Check[] {
  return [...probes].map(([key, definition]) => ({
    id: checkId(`${id}:${key}`),
    name: names[key] ?? key,
    type: definition.kind,
    status: health?.status === 'passing' ? 'passing' : 'critical',
    output: '',
    definition,
  }));
}

/** A path is on the instance itself. */
const urlOn = ({ address, port }: Place, url: string): string =>
  url.startsWith('/') ? `http://${urlHost(address)}:${port}${url}` : url;

function targetOn({ address, portOf }: Place, { host, port }: ProbeTarget): Read<string> {
  const resolved = portOf(port);
  if ('refused' in resolved) return resolved;
  return { value: `${host === '' ? urlHost(address) : host}:${resolved.value}` };
}
