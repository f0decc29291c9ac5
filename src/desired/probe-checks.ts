import type { Check, Probe } from '../model/check.ts';
import { checkId, type InstanceId } from '../model/keys.ts';
import type { Problem } from '../model/problem.ts';
import { readPlainHost } from './address-form.ts';
import { isIpv6, urlHost } from './addresses.ts';
import type { Declaration } from './declaration.ts';
import { fieldOf } from './fields.ts';
import type { Health } from './health.ts';
import { canonicalIpv6, type Host, hostInUrl } from './host.ts';
import type { HostList } from './host-list.ts';
import { quote, type Read } from './mistake.ts';
import type { DesiredOptions } from './options.ts';
import { type HttpProbe, type ProbeTarget, readHttpProbe } from './probes.ts';
import type { PortRef } from './values.ts';

/** The address and ports of the instance itself. */
export interface InstanceLocation {
  /** All its addresses, the one it is registered with first. */
  readonly addresses: readonly [string, ...string[]];
  readonly port: number;
  /** The number of a declared port there, by its name or number. */
  readonly portOf: (ref: PortRef) => Read<number>;
  /** Its address may be anybody's: a probe goes there only where `probeHosts` allows it. Default false. */
  readonly isUnproved?: boolean;
}

/** The probes of a declaration that others run. */
export interface ResolvedProbes {
  /** By the last part of the check's id; empty when nobody probes. */
  readonly checks: ReadonlyMap<string, Probe>;
  /** For meta `health_url`. */
  readonly healthUrl: string | undefined;
}

const none: ReadonlyMap<string, Probe> = new Map();

/**
 * The probes of a declaration with addresses and ports filled in, or everything that is wrong with them. Mistakes are
 * reported also when nobody probes, so that a wrong probe never starts once somebody does.
 */
export function resolveProbes(
  declaration: Declaration,
  location: InstanceLocation,
  { probes: prober, probeHosts, agents }: DesiredOptions,
): ResolvedProbes | readonly Omit<Problem, 'object'>[] {
  const problems: Omit<Problem, 'object'>[] = [];
  const fill = <Target extends ProbeTarget>(
    name: string,
    target: Target | undefined,
    text: (host: string, port: string, target: Target) => string,
  ): string | undefined => {
    if (target === undefined) return undefined;
    const field = fieldOf(declaration, name);
    const host = target.host === undefined ? undefined : ownAddress(target.host, location);
    if (target.host !== undefined && host === undefined) {
      if (probeHosts?.(target.host) === true) {
        const port = target.port !== undefined && 'number' in target.port ? `:${target.port.number}` : '';
        return text(hostInUrl(target.host), port, target);
      }
      problems.push({
        reason: 'AnnotationDenied',
        field,
        message: elsewhere(name, target.host),
        severity: 'error',
      });
      return undefined;
    }
    const [address] = location.addresses;
    if (location.isUnproved === true && !isAllowed(address, probeHosts)) {
      problems.push({
        reason: 'AnnotationDenied',
        field,
        message: unproved(name, address),
        severity: 'error',
      });
      return undefined;
    }
    const port: Read<number> =
      target.port === undefined ? { value: location.port } : location.portOf(target.port);
    if ('value' in port) return text(host ?? urlHost(location.addresses[0]), `:${port.value}`, target);
    problems.push({ reason: 'InvalidAnnotation', field, message: port.refused, severity: 'error' });
    return undefined;
  };
  const url = (host: string, port: string, { scheme, path }: HttpProbe) =>
    `${scheme}://${host}${port}${path}`;
  const filled = {
    http: fill('check-http', declaration['check-http'], url),
    'health-url': fill('health-url', declaration['health-url'], url),
    tcp: fill('check-tcp', declaration['check-tcp'], (host, port) => `${host}${port}`),
    grpc: fill('check-grpc', declaration['check-grpc'], (host, port, { service }) =>
      service === '' ? `${host}${port}` : `${host}${port}/${service}`,
    ),
  };
  const written = writtenUrl(declaration);
  if ('refused' in written) {
    const field = fieldOf(declaration, 'meta.health_url');
    problems.push({ reason: 'InvalidAnnotation', field, message: written.refused, severity: 'error' });
  } else fill('meta.health_url', written.value, url);
  if (problems.length > 0) return problems;
  if (prober === undefined) return { checks: none, healthUrl: filled['health-url'] };
  const timing = {
    intervalMs: declaration['check-interval'],
    timeoutMs: declaration['check-timeout'],
    deregisterAfterMs: declaration['deregister-critical-after'] ?? prober.deregisterCriticalAfterMs,
  };
  const checks = new Map<string, Probe>();
  for (const [id, target] of Object.entries(filled)) {
    if (target === undefined) continue;
    const kind = id === 'tcp' || id === 'grpc' ? id : 'http';
    const redirects = kind === 'http' && agents !== undefined ? { redirects: false } : {};
    checks.set(id, { kind, target, ...timing, ...redirects });
  }
  return { checks, healthUrl: filled['health-url'] };
}

/** Readers of meta `health_url` cannot tell which annotation it comes from, so both are checked. */
function writtenUrl({ meta }: Declaration): Read<HttpProbe | undefined> {
  const text = meta.get('health_url');
  return text === undefined ? { value: undefined } : readHttpProbe(text);
}

/** The host for a URL when it is one of the instance's own addresses; otherwise undefined. */
function ownAddress(host: Host, { addresses }: InstanceLocation): string | undefined {
  const own = addresses.some((address) =>
    isIpv6(address) ? canonicalIpv6(address) === host.text : address === host.text,
  );
  return own ? hostInUrl(host) : undefined;
}

function isAllowed(address: string, probeHosts: HostList | undefined): boolean {
  const host = readPlainHost(address);
  return 'value' in host && probeHosts?.(host.value) === true;
}

const unproved = (name: string, address: string): string =>
  `${name} would have ${quote(address)} probed, which the Service itself names; leave it out, or have the address named in registration.probeHosts of kube-registrar's configuration`;

const elsewhere = (name: string, host: Host): string =>
  `${name} ${quote(host.text)} is not the address of the instance; write a path or a port, such as /healthz, ` +
  `https://:8443/healthz or 8443, or have the host named in registration.probeHosts of kube-registrar's configuration`;

const names: Readonly<Record<string, string>> = {
  http: 'HTTP check',
  'health-url': 'Health URL',
  tcp: 'TCP check',
  grpc: 'gRPC check',
};

/**
 * The checks of these probes. Before its first probe an instance has the status that Kubernetes gives it, so a new
 * instance that is Ready need not wait. Without a readiness check it starts critical.
 */
export function probeChecks(
  id: InstanceId,
  probes: ResolvedProbes['checks'],
  health: Health | undefined,
): Check[] {
  return [...probes].map(([key, definition]) => ({
    id: checkId(`${id}:${key}`),
    name: names[key] ?? key,
    type: definition.kind,
    status: health?.status === 'passing' ? 'passing' : 'critical',
    output: '',
    definition,
  }));
}
