import type { StaleSource } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { InstanceId } from '../model/keys.ts';
import type { Origin } from '../model/origin.ts';
import type { PodRecord } from '../model/pod.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';
import { type Additions, withAdditions } from './additions.ts';
import type { BrokenDeclaration, Declaration } from './declaration.ts';
import { consulK8sId } from './dialects/consul-k8s.ts';
import type { ResolvedDeclarations } from './every-port.ts';
import { fieldOf } from './fields.ts';
import { type Condition, presenceOf } from './health.ts';
import { buildInstance } from './instance.ts';
import { type Complaint, error, quote, type Read, toProblems } from './mistake.ts';
import type { NodeFacts } from './node-facts.ts';
import type { DesiredContext } from './options.ts';
import type { Placeholders } from './placeholders.ts';
import { resolveProbes } from './probe-checks.ts';
import { denials, type SourceResult } from './source.ts';
import type { PortRef } from './values.ts';

/** Everything that keeps a declaration from becoming an instance. */
export type Refusals = readonly Omit<Problem, 'object'>[];

/** Serves the instances of an object: a pod, a backend of a Service, or what a Service is reached by as a whole. */
export interface Backend {
  /** The object whose annotations ask for the instances. */
  readonly object: ObjectRef;
  readonly origin: Pick<Origin, 'namespace' | 'pod' | 'podUid' | 'service' | 'byDefault'> &
    Partial<Pick<Origin, 'route' | 'gateway'>>;
  /** What is registered stays as it is, because not everything is known that decides on it. */
  readonly isKept: boolean;
  readonly condition: Condition;
  /** The pod behind it, as far as it is known. */
  readonly pod: PodRecord | undefined;
  readonly places: Placeholders;
  /** What base tags and rules for labels add to all of its instances. */
  readonly additions: Additions;
  /** Where a declaration is served. */
  readonly serving: (declaration: Declaration) => Served;
}

export interface Served {
  readonly at: readonly Serving[];
  /** What it is not served by, each with the reason. With an error among it, what is registered stays as it is. */
  readonly complaints: Refusals;
}

export interface Serving {
  readonly id: InstanceId;
  /** The primary first. */
  readonly addresses: readonly [string, ...string[]];
  readonly port: number;
  /** The number there of a declared port that a probe may connect to. */
  readonly declaredPort: (ref: PortRef) => Read<number>;
  /** See Origin; default: empty. */
  readonly reach?: string;
  /** See Place; default: empty. */
  readonly ipMode?: string;
  /** Its address is one that a tenant may write at will, so that a probe needs the configuration's consent. */
  readonly isUnproved?: boolean;
  /** Of a route, for meta: its hosts and paths there; default: empty. */
  readonly hosts?: string;
  readonly paths?: string;
}

export const servedAt = (serving: Serving): Served => ({ at: [serving], complaints: [] });
export const notServed = (complaints: Refusals): Served => ({ at: [], complaints });

/** Shared by all: most sources have no stale instances and no problems, and there are many sources. */
const none: readonly never[] = [];

/** The instances that these declarations ask for at one backend. */
export function declaredInstances(
  { outcomes, mistakes, services }: ResolvedDeclarations,
  backend: Backend,
  node: NodeFacts,
  context: DesiredContext,
): SourceResult {
  const { object, origin, condition, isKept, additions } = backend;
  const complaints: Complaint[] = [...mistakes, ...additions.mistakes];
  const report = (mistake: Complaint): void => void complaints.push(mistake);
  const instances = new Map<string, Instance>();
  const stale: StaleSource[] = [];
  const keep = (declaration: Declaration | BrokenDeclaration): void => {
    const presence = presenceOf(condition, declaration);
    if (presence.kind === 'deregistered') return;
    const { namespace, podUid, service: kubeService, route } = origin;
    const source = { namespace, podUid, kubeService, ...(route === undefined ? {} : { route }) };
    stale.push({ ...source, service: declaration.service, check: presence.check });
  };
  const add = (declaration: Declaration, instance: Instance): void => {
    if (instances.has(instance.id)) {
      const message = `service ${quote(instance.service)} on port ${instance.port} is requested twice; remove one`;
      complaints.push(error(fieldOf(declaration, 'service'), message));
    } else instances.set(instance.id, instance);
  };
  for (const declaration of outcomes) {
    if (declaration.kind === 'broken' || isKept) {
      keep(declaration);
      continue;
    }
    // It is drained by deregistration.
    if (presenceOf(condition, declaration).kind === 'deregistered') continue;
    const denied = denials(object, declaration, context);
    const served = denied.length > 0 ? notServed(denied) : backend.serving(declaration);
    const refusals = [...served.complaints];
    const whole = served.at.length === 0 ? declaration : withAdditions(declaration, additions, report);
    for (const serving of served.at) {
      const outcome = instanceOf(whole, serving, backend, node, context);
      if ('id' in outcome) add(declaration, outcome);
      else refusals.push(...outcome);
    }
    complaints.push(...refusals);
    if (refusals.some(({ severity }) => severity === 'error')) keep(declaration);
  }
  return {
    object,
    instances: [...instances.values()],
    stale: stale.length === 0 ? none : stale,
    problems: complaints.length === 0 ? none : toProblems(object, complaints),
    services,
  };
}

/** The instance, or everything that keeps it from being registered. */
function instanceOf(
  declaration: Declaration,
  serving: Serving,
  { origin, condition, pod, places }: Backend,
  node: NodeFacts,
  context: DesiredContext,
): Instance | Refusals {
  const { addresses, port, declaredPort, reach = '', ipMode = '', isUnproved = false } = serving;
  const { hosts = '', paths = '' } = serving;
  const presence = presenceOf(condition, declaration);
  const id =
    declaration['id-scheme'] === 'consul-k8s' ? consulK8sId(declaration.service, addresses[0]) : serving.id;
  const location = { addresses, port, portOf: declaredPort, isUnproved };
  const probes = resolveProbes(declaration, location, context);
  if (!('checks' in probes)) return probes;
  return buildInstance({
    id,
    declaration,
    origin: { route: '', gateway: '', ...origin, node: node.name, cluster: context.clusterName, reach },
    addresses,
    port,
    health: presence.kind === 'registered' ? presence.check : undefined,
    probes,
    options: context,
    pod,
    ipMode,
    places,
    hosts,
    paths,
  });
}

export const badPort = (
  declaration: Declaration,
  message: string,
  reason: Problem['reason'] = 'InvalidAnnotation',
): Refusals => [{ reason, field: fieldOf(declaration, 'port'), message, severity: 'error' }];

/** Nothing is reachable at an address of the wanted kind. */
export const unreachable = (
  declaration: Declaration,
  message: string,
  severity: Problem['severity'] = 'error',
): Refusals[number] => ({
  reason: 'RegistrationFailed',
  field: fieldOf(declaration, 'address'),
  message,
  severity,
});
