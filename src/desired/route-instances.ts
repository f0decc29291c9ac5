import type { ObjectRef } from '../model/problem.ts';
import { type RouteRecord, routeText } from '../model/route.ts';
import { type Additions, additionsOf } from './additions.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Declaration } from './declaration.ts';
import { describeDeclarations } from './declarations.ts';
import {
  type Backend,
  badPort,
  declaredInstances,
  notServed,
  type Served,
  servedAt,
} from './declared-instances.ts';
import { type Entrance, entrancesOf, usualEntrances } from './entrances.ts';
import { withEveryPort } from './every-port.ts';
import { fieldOf } from './fields.ts';
import { routeInstanceId } from './identity.ts';
import { listMeta } from './meta.ts';
import { type Complaint, didYouMean, quote, type Read, toProblems } from './mistake.ts';
import type { NodeFacts } from './node-facts.ts';
import type { DesiredContext } from './options.ts';
import type { Placeholders } from './placeholders.ts';
import type { NamedPort } from './ports.ts';
import { isUnknown, nothing, type SourceResult } from './source.ts';
import type { PortRef } from './values.ts';

/**
 * The instances that the annotations of an Ingress or of a route of the Gateway API ask for: one for each address and
 * port by which it is reached.
 */
export function routeInstances(
  route: RouteRecord,
  view: Pick<ClusterView, 'gateway'>,
  node: NodeFacts,
  context: DesiredContext,
): SourceResult {
  const { kind, namespace, name, uid } = route;
  const object: ObjectRef = { kind, namespace, name, uid };
  const places: Placeholders = {
    podName: '',
    podNamespace: namespace,
    podLabels: {},
    nodeName: '',
    nodeZone: '',
    nodeRegion: '',
    clusterName: context.clusterName,
  };
  const declared = describeDeclarations(route, places, context);
  if (declared.outcomes.length === 0) {
    return { ...nothing, object, problems: toProblems(object, declared.mistakes) };
  }
  const { entrances, missing } = entrancesOf(route, view, context.namespaced);
  const { outcomes, mistakes, services } =
    entrances.length === 0
      ? { ...declared, outcomes: [] }
      : withEveryPort(declared, portsOf(entrances), `the ${kind}`);
  const severity = entrances.length === 0 ? 'error' : 'warning';
  const complaints: Complaint[] = [
    ...mistakes,
    ...missing.map((message) => ({ field: '', message, severity, reason: 'RegistrationFailed' }) as const),
  ];

  const additions = additionsOf(places, () => route.labels, context);
  if (entrances.length > 0) complaints.push(...additions.mistakes);
  const asking = { route, additions, object, places };
  const chosen = new Map<Declaration, Read<readonly Entrance[]>>();
  for (const each of outcomes) if (each.kind === 'declared') chosen.set(each, choose(each.port, entrances));
  const results = entrances.map((entrance) => {
    const own = outcomes.filter(
      (each) => each.kind === 'declared' && at(chosen.get(each), entrance) !== undefined,
    );
    const serving = (declaration: Declaration) =>
      servingOf(route, declaration, at(chosen.get(declaration), entrance) ?? entrance);
    return declaredInstances(
      { outcomes: own, mistakes: [], services },
      backendOf(asking, entrance, serving),
      node,
      context,
    );
  });
  const [first] = entrances;
  if (first !== undefined) {
    const refused = outcomes.filter((each) => each.kind === 'broken' || 'refused' in chosen.get(each)!);
    const serving = (declaration: Declaration): Served => {
      const read = chosen.get(declaration);
      return notServed(badPort(declaration, read !== undefined && 'refused' in read ? read.refused : ''));
    };
    const backend = backendOf(asking, first, serving);
    results.push(declaredInstances({ outcomes: refused, mistakes: [], services }, backend, node, context));
  }
  return {
    object,
    instances: results.flatMap(({ instances }) => instances),
    // Each address has a health of its own.
    stale: results.flatMap(({ stale }) => stale.map((kept) => ({ ...kept, check: undefined }))),
    problems: [...toProblems(object, complaints), ...results.flatMap(({ problems }) => problems)],
    services,
  };
}

interface Asking {
  readonly route: RouteRecord;
  readonly additions: Additions;
  readonly object: ObjectRef;
  readonly places: Placeholders;
}

function backendOf(
  { route, additions, object, places }: Asking,
  { health, gateway }: Entrance,
  serving: Backend['serving'],
): Backend {
  const { namespace } = route;
  return {
    object,
    origin: {
      namespace,
      ...{ pod: '', podUid: '', service: '', byDefault: '' },
      ...{ route: routeText(route), gateway },
    },
    isKept: isUnknown(route),
    condition: { subject: 'Route', health, terminating: route.deleting },
    pod: undefined,
    places,
    // They are reported once, and not at each entrance.
    additions: { ...additions, mistakes: [] },
    serving,
  };
}

function servingOf(route: RouteRecord, declaration: Declaration, entrance: Entrance): Served {
  const { address, port, names, hosts } = entrance;
  const { address: choice } = declaration;
  if (choice !== 'pod' && choice !== 'load-balancer' && choice !== 'auto') {
    const message = `address ${quote(typeof choice === 'string' ? choice : choice.literal.text)} is not for ${route.kind}: it has the address of its status; leave it out`;
    const field = fieldOf(declaration, 'address');
    return notServed([{ reason: 'InvalidAnnotation', field, message, severity: 'error' }]);
  }
  return servedAt({
    id: routeInstanceId(route, address, declaration.service, port),
    addresses: [address],
    port,
    declaredPort: (ref: PortRef): Read<number> =>
      ('name' in ref ? names.includes(ref.name) : ref.number === port)
        ? { value: port }
        : { refused: `port ${quote(wordOf(ref))} is not that of the instance, ${port}` },
    hosts: listMeta(hosts),
    paths: listMeta(route.paths),
  });
}

const portsOf = (entrances: readonly Entrance[]): NamedPort[] =>
  entrances.flatMap(({ names, port }) => names.map((name) => ({ name, port })));

/** The entrances that a declaration means. */
function choose(ref: PortRef | undefined, entrances: readonly Entrance[]): Read<readonly Entrance[]> {
  if (ref === undefined) return { value: usualEntrances(entrances) };
  const value = entrances.filter(({ port, names }) =>
    'name' in ref ? names.includes(ref.name) : port === ref.number,
  );
  if (value.length > 0) return { value };
  const names = new Set(entrances.flatMap((entrance) => entrance.names));
  const ports = [
    ...new Set(entrances.map(({ port, names: own }) => `${own.map(quote).join(', ')} (${port})`)),
  ];
  const hint = ('name' in ref && didYouMean(ref.name, names)) || `; it has ${ports.slice(0, 8).join(', ')}`;
  return { refused: `port ${quote(wordOf(ref))} is not one by which it is reached${hint}` };
}

const wordOf = (ref: PortRef): string => ('name' in ref ? ref.name : String(ref.number));

/** The chosen entrance at this one's address and port, which may serve fewer hosts. */
function at(
  chosen: Read<readonly Entrance[]> | undefined,
  { address, port }: Entrance,
): Entrance | undefined {
  if (chosen === undefined || 'refused' in chosen) return undefined;
  return chosen.value.find((each) => each.address === address && each.port === port);
}
