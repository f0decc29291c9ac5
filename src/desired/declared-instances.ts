import type { StaleSource } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { InstanceId } from '../model/keys.ts';
import type { Origin } from '../model/origin.ts';
import type { PodRecord } from '../model/pod.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';
import { chooseAddresses } from './addresses.ts';
import type { BrokenDeclaration, Declaration } from './declaration.ts';
import type { ResolvedDeclarations } from './every-port.ts';
import { fieldOf } from './fields.ts';
import { type Condition, presenceOf } from './health.ts';
import { buildInstance } from './instance.ts';
import { type Complaint, error, quote, type Read, toProblems } from './mistake.ts';
import type { NodeFacts } from './node-facts.ts';
import type { DesiredContext } from './options.ts';
import { reachedPort } from './ports.ts';
import { resolveProbes } from './probe-checks.ts';
import { denials, type SourceResult } from './source.ts';
import type { PortRef } from './values.ts';

/** Everything that keeps a declaration from becoming an instance. */
export type Refusals = readonly Omit<Problem, 'object'>[];

/** Serves the instances of an object: a pod, or a backend of a Service. */
export interface Backend {
  /** The object whose annotations ask for the instances. */
  readonly object: ObjectRef;
  readonly origin: Pick<Origin, 'namespace' | 'pod' | 'podUid' | 'service'>;
  readonly condition: Condition;
  /** The pod behind it, as far as it is known. */
  readonly pod: PodRecord | undefined;
  /** Where a declaration is served, or why nothing serves it. */
  readonly serving: (declaration: Declaration) => Serving | Refusals;
}

export interface Serving {
  readonly id: InstanceId;
  /** The backend's own, the primary first. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** The number of a declared port that a probe may connect to. */
  readonly declaredPort: (ref: PortRef) => Read<number>;
}

/** Shared by all: most sources have no stale instances and no problems, and there are many sources. */
const none: readonly never[] = [];

/** The instances that these declarations ask for at one backend. */
export function declaredInstances(
  { outcomes, mistakes, services }: ResolvedDeclarations,
  backend: Backend,
  node: NodeFacts,
  context: DesiredContext,
): SourceResult {
  const { object, origin, condition } = backend;
  const complaints: Complaint[] = [...mistakes];
  const instances = new Map<string, Instance>();
  const stale: StaleSource[] = [];
  const keep = (declaration: Declaration | BrokenDeclaration): void => {
    const presence = presenceOf(condition, declaration);
    if (presence.kind === 'deregistered') return;
    const { namespace, podUid, service: kubeService } = origin;
    stale.push({ namespace, podUid, kubeService, service: declaration.service, check: presence.check });
  };
  for (const declaration of outcomes) {
    if (declaration.kind === 'broken') {
      keep(declaration);
      continue;
    }
    const denied = denials(object, declaration, context);
    const outcome = denied.length > 0 ? denied : instanceOf(declaration, backend, node, context);
    if (outcome === undefined) continue;
    if (!('id' in outcome)) {
      complaints.push(...outcome);
      keep(declaration);
    } else if (instances.has(outcome.id)) {
      const message = `service ${quote(outcome.service)} on port ${outcome.port} is asked for twice; remove one`;
      complaints.push(error(fieldOf(declaration, 'service'), message));
    } else instances.set(outcome.id, outcome);
  }
  return {
    object,
    instances: [...instances.values()],
    stale: stale.length === 0 ? none : stale,
    problems: complaints.length === 0 ? none : toProblems(object, complaints),
    services,
  };
}

/** The instance, or everything that keeps it from being registered. Undefined when it is drained by deregistration. */
function instanceOf(
  declaration: Declaration,
  { origin, condition, pod, serving }: Backend,
  node: NodeFacts,
  context: DesiredContext,
): Instance | Refusals | undefined {
  const presence = presenceOf(condition, declaration);
  if (presence.kind === 'deregistered') return undefined;
  const served = serving(declaration);
  if (!('id' in served)) return served;
  const { id, port, declaredPort } = served;
  const [first, ...others] = chooseAddresses(declaration.address, {
    own: served.addresses,
    host: pod?.hostIps ?? [],
    node,
  });
  if (first === undefined) return [unreachable(declaration, noAddress(declaration, node, context))];
  const reached = reachedPort(declaration.address, port, pod);
  if ('refused' in reached) return [unreachable(declaration, reached.refused)];
  const portOf = (ref: PortRef): Read<number> => {
    const found = declaredPort(ref);
    return 'refused' in found ? found : reachedPort(declaration.address, found.value, pod);
  };
  const addresses = [first, ...others] as const;
  const probes = resolveProbes(declaration, { addresses, port: reached.value, portOf }, context);
  if (!('checks' in probes)) return probes;
  return buildInstance({
    id,
    declaration,
    origin: { ...origin, node: node.name, cluster: context.clusterName },
    addresses,
    port: reached.value,
    health: presence.check,
    probes,
    options: context,
    pod,
  });
}

export const badPort = (
  declaration: Declaration,
  message: string,
  reason: Problem['reason'] = 'InvalidAnnotation',
): Refusals => [{ reason, field: fieldOf(declaration, 'port'), message, severity: 'error' }];

/** Nothing is reachable at an address of the wanted kind. */
const unreachable = (declaration: Declaration, message: string): Refusals[number] => ({
  reason: 'RegistrationFailed',
  field: fieldOf(declaration, 'address'),
  message,
  severity: 'error',
});

/** Why there is no address of the wanted kind. */
function noAddress(declaration: Declaration, node: NodeFacts, context: DesiredContext): string {
  const name = quote(node.name);
  switch (declaration.address) {
    case 'pod':
      return 'there is no address';
    case 'host':
      return node.name === ''
        ? 'address "host" needs a Kubernetes node, and the endpoint names none; use "pod"'
        : `the address of node ${name} is not known; use address "pod"`;
    case 'node-external':
      if (context.namespaced)
        return 'address "node-external" needs cluster-wide rights to read nodes; use "pod"';
      return node.name === ''
        ? 'address "node-external" needs a Kubernetes node, and the endpoint names none; use "pod"'
        : `node ${name} has no address of type ExternalIP; use address "pod" or "host"`;
  }
}
