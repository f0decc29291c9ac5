import type { Config } from '../config/schema.ts';
import { effectOf } from '../desired/annotation-effects.ts';
import { annotationKey, isForeign } from '../desired/dialects/dialect.ts';
import { createLabelRules } from '../desired/label-rules.ts';
import { gatewayTexts, podText, requestTexts } from '../desired/object-text.ts';
import { scopeTexts } from '../desired/scope-text.ts';
import { suggest } from '../lib/suggest.ts';
import type { UnreadSource } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import { originOf } from '../model/origin.ts';
import type { PodRecord } from '../model/pod.ts';
import { type Problem, problemKey } from '../model/problem.ts';
import { type RouteKind, type RouteRef, resourceOfRoute, routeKinds, sourceOfRoute } from '../model/route.ts';
import type { ServiceRecord } from '../model/service.ts';
import { dialectsOf } from '../operator/parts.ts';
import type { Snapshot } from '../operator/snapshot.ts';
import {
  type AskingObject,
  type InstancePlan,
  instanceLines,
  instancePlans,
  stateOf,
} from '../plan/instance-plan.ts';
import { unreadSourceText } from '../plan/kept.ts';
import type { PlanInput, PlanOptions } from '../plan/plan.ts';
import type { OperatorKnowledge } from './running-operator.ts';

export interface Explanation {
  readonly lines: readonly string[];
  /** What is registered is what is wanted, and nothing is wrong with what is asked for. */
  readonly isRight: boolean;
  /** Set when there is no such object: says so, with what may have been meant. */
  readonly notFound: string | undefined;
  /** The same for scripts. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** What is known besides the cluster and Consul. */
export interface Knowledge extends OperatorKnowledge {
  /** Of instances that Consul would refuse: its words, by instanceKey(). Default: none. */
  readonly refused?: ReadonlyMap<string, string>;
}

export const instanceKey = ({ node, wanted, registered }: InstancePlan): string =>
  `${node}\0${(wanted ?? registered)?.id ?? ''}`;

/** Explains an object. `known`: what only a running operator knows. */
export function explanationOf(
  object: AskingObject,
  snapshot: Snapshot,
  config: Config,
  known: Knowledge,
): Explanation {
  const { stores, nodes } = snapshot;
  const pod = object.kind === 'Pod' ? stores.pod(object.namespace, object.name) : undefined;
  const service = object.kind === 'Service' ? stores.service(object.namespace, object.name) : undefined;
  const route = isRoute(object) ? stores.route(object) : undefined;
  const gateway = object.kind === 'Gateway' ? stores.gateway(object.namespace, object.name) : undefined;
  const prefix = `${config.annotationPrefix}/`;
  const rows = instancePlans(object, nodes, planOptions(snapshot, config, known)).map((row) =>
    withRefusal(row, known.refused?.get(instanceKey(row))),
  );
  const problems = problemsOf(object, nodes, rows, known);
  const askedBy = pod === undefined ? [] : servicesBehind(pod, snapshot);
  const record = pod ?? service ?? route;
  const absent = (record ?? gateway) === undefined ? absence(object, snapshot, config) : undefined;
  const own = rows.flatMap(({ wanted }) =>
    wanted !== undefined && isAskedByItself(object, wanted) ? [wanted] : [],
  );

  const lines = [`${object.kind} ${object.namespace}/${object.name}`];
  const say = (text: string): void => void lines.push(`  ${text}`);
  for (const text of absent?.texts ?? []) say(text);
  if (pod !== undefined) say(podText(pod));
  if ((service ?? route ?? gateway)?.deleting === true) say('is being deleted: its instances are removed');
  if (gateway !== undefined) for (const text of gatewayTexts(gateway)) say(text);
  const raw = (object.kind === 'Pod' ? stores.pods : stores.services).get(object.namespace, object.name);
  if (record !== undefined) {
    const notByDefault = route === undefined && raw !== undefined ? stores.notByDefault(raw) : undefined;
    const scope = scopeTexts(record, notByDefault, config.sync);
    const written = route === undefined ? raw : rawRoute(route, stores);
    for (const text of requestTexts(written ?? record, own, askedBy, prefix, dialectsOf(config), scope))
      say(text);
  }
  const labels = usedLabels(record, config);
  if (labels.length > 0) say(`labels that become tags or meta by rule: ${labels.join(', ')}`);
  for (const { field, message, severity, object: about } of problems) {
    const whose =
      about.name === object.name && about.kind === object.kind
        ? ''
        : `${about.kind} ${about.namespace === '' ? '' : `${about.namespace}/`}${about.name}: `;
    say(
      `${severity === 'error' ? 'error' : 'warning'}: ${whose}${field === '' ? '' : `${annotationKey(prefix, field)}: `}${message}`,
    );
  }
  if (service !== undefined && isAnnotated(service) && !hasEndpoints(service, snapshot)) {
    say('has no endpoints: none of its EndpointSlices has an address');
  }
  lines.push('', rows.length === 0 ? 'In Consul: nothing, and nothing is wanted.' : 'In Consul:');
  for (const row of rows) lines.push(...instanceLines(row, config.sync.policy));
  const isRight =
    (record ?? gateway) !== undefined &&
    problems.every(({ severity }) => severity === 'warning') &&
    rows.every(({ steps, remarks }) => steps.length === 0 && remarks.length === 0);
  const data = {
    object,
    found: (record ?? gateway) !== undefined,
    isRight,
    annotations: Object.entries(record?.annotations ?? {})
      // What is foreign there is not followed; problems say why.
      .filter(([name]) => !isForeign(name))
      .map(([name, value]) => ({ name: prefix + name, value, became: effectOf(name, own) })),
    askedBy,
    problems: problems.map(({ object: about, reason, field, message, severity }) => ({
      object: about,
      reason,
      field,
      message,
      severity,
    })),
    instances: rows.map(rowData),
  };
  return { lines, isRight, notFound: absent?.notFound, data };
}

/** The row with its steps marked as refused. */
function withRefusal(row: InstancePlan, refused: string | undefined): InstancePlan {
  if (refused === undefined) return row;
  const steps = row.steps.map((step) =>
    step.held ? step : ({ ...step, held: true, heldBy: 'consul' } as const),
  );
  return { ...row, steps, remarks: [...row.remarks, `Consul would refuse it: ${refused}`] };
}

function rowData(row: InstancePlan) {
  const { node, wanted, registered, steps, remarks } = row;
  const shown = registered ?? wanted;
  return {
    node,
    id: shown?.id,
    service: shown?.service,
    address: shown?.address,
    port: shown?.port,
    state: stateOf(row),
    checks: [...(shown?.checks.values() ?? [])].map(({ id, name, status, output }) => ({
      id,
      name,
      status,
      output,
    })),
    remarks,
    steps,
  };
}

/** Whether its own annotations ask for the instance, and not a Service in front of it. */
const isAskedByItself = ({ kind }: AskingObject, { meta }: Instance): boolean =>
  kind === 'Service' || originOf(meta).service === '';

/** The instances of the object of which something would be written now. */
export function unwritten(object: AskingObject, snapshot: Snapshot, config: Config): readonly InstancePlan[] {
  if (config.sync.policy === 'dry-run') return [];
  return instancePlans(object, snapshot.nodes, planOptions(snapshot, config)).filter(({ steps }) =>
    steps.some(({ held }) => !held),
  );
}

function planOptions(
  { owner, observed }: Snapshot,
  { sync }: Config,
  known?: OperatorKnowledge,
): PlanOptions {
  const held = known?.held ?? [];
  return { owner, features: observed.features, policy: sync.policy, held };
}

interface Absence {
  readonly texts: readonly string[];
  /** Undefined when it may be there. */
  readonly notFound: string | undefined;
}

function absence(
  { kind, namespace, name }: AskingObject,
  { stores }: Snapshot,
  { kubernetes, sync }: Config,
): Absence {
  const watched = kubernetes.namespaces;
  if (watched.length > 0 && !watched.includes(namespace)) {
    const text = `namespace ${namespace} is not watched: kubernetes.namespaces names ${watched.join(', ')}`;
    return { texts: [text], notFound: undefined };
  }
  const resource = resourceOf(kind);
  const source = kind === 'Gateway' ? 'gateways' : isRouteKind(kind) ? sourceOfRoute(kind) : undefined;
  if (source !== undefined && !sync.sources.includes(source)) {
    const text = `objects of kind ${kind} are not watched: sync.sources does not name ${source}`;
    return { texts: [text], notFound: undefined };
  }
  const own = stores.reflectors.status().filter((status) => status.resource === resource);
  if (own.some(({ notInstalled }) => notInstalled)) {
    return { texts: [`${resource} are not installed in this cluster`], notFound: undefined };
  }
  const refused = stores.reflectors.unread.find(
    (unread) => unread.resource === resource && (unread.namespace === '' || unread.namespace === namespace),
  );
  if (refused !== undefined) {
    const text = `${unreadSourceText(refused)} cannot be read: the operator does not know whether it exists, and existing registrations stay`;
    return { texts: [text], notFound: undefined };
  }
  const all = [...recordsOf(kind, stores)];
  const here = all.filter((record) => record.namespace === namespace).map((record) => record.name);
  const elsewhere = all.filter((record) => record.name === name).map((record) => record.namespace);
  const meant = suggest(name, here);
  const selector = kubernetes.podLabelSelector;
  const hints = [
    ...(meant === undefined ? [] : [`did you mean ${meant}?`]),
    ...(elsewhere.length === 0
      ? []
      : [`an object with this name exists in namespace ${elsewhere.sort().join(', ')}: use -n`]),
    ...(kind === 'Pod' && selector !== undefined
      ? [`only pods that match kubernetes.podLabelSelector are watched: ${selector}`]
      : []),
  ];
  const notFound = [
    `${kind} ${JSON.stringify(name)} not found in namespace ${JSON.stringify(namespace)}`,
    ...hints,
  ];
  return { texts: ['not found', ...hints], notFound: notFound.join('; ') };
}

/** As it is in its store, with no annotations but its own. */
const rawRoute = ({ kind, namespace, name }: RouteRef, { routeStores }: Snapshot['stores']) =>
  routeStores.routes.get(kind)?.get(namespace, name);

const isRouteKind = (kind: AskingObject['kind']): kind is RouteKind =>
  routeKinds.some((each) => each === kind);
const isRoute = (object: AskingObject): object is AskingObject & RouteRef => isRouteKind(object.kind);

function resourceOf(kind: AskingObject['kind']): UnreadSource['resource'] {
  if (isRouteKind(kind)) return resourceOfRoute(kind);
  return kind === 'Pod' ? 'pods' : kind === 'Service' ? 'services' : 'gateways';
}

function recordsOf(
  kind: AskingObject['kind'],
  { pods, services, routeStores }: Snapshot['stores'],
): Iterable<{ readonly namespace: string; readonly name: string }> {
  if (isRouteKind(kind)) return routeStores.routes.get(kind)?.records() ?? [];
  return (kind === 'Pod' ? pods : kind === 'Service' ? services : routeStores.gateways).records();
}

function usedLabels(record: Pick<PodRecord, 'labels'> | undefined, { labels }: Config): string[] {
  const uses = createLabelRules(labels)?.uses ?? (() => false);
  return Object.keys(record?.labels ?? {})
    .filter(uses)
    .sort();
}

/** Annotated Services with this pod among their endpoints. */
function servicesBehind(pod: PodRecord, { stores }: Snapshot): string[] {
  const names = new Set<string>();
  for (const { slice, endpoint } of stores.endpointsOnNode(pod.node)) {
    if (slice.namespace === pod.namespace && endpoint.podName === pod.name) names.add(slice.service);
  }
  return [...names].sort().map((name) => `Service ${pod.namespace}/${name}`);
}

function hasEndpoints({ namespace, name }: ServiceRecord, { stores }: Snapshot): boolean {
  for (const { endpoints } of stores.slicesOfService(namespace, name)) if (endpoints.length > 0) return true;
  return false;
}

const isAnnotated = ({ annotations }: ServiceRecord): boolean => Object.keys(annotations).length > 0;

/** What is wrong with the object, with the Services that ask for it, and with the nodes it is on. */
function problemsOf(
  object: AskingObject,
  nodes: readonly PlanInput[],
  rows: readonly InstancePlan[],
  known: OperatorKnowledge,
): Problem[] {
  const origins = rows.map(({ wanted, registered }) => originOf((wanted ?? registered)?.meta ?? {}));
  const services = new Set(origins.map(({ service }) => service));
  const kubeNodes = new Set(origins.map((origin) => origin.node));
  const concerns = ({ object: { kind, namespace, name } }: Problem): boolean => {
    if (kind === 'Node') return kubeNodes.has(name);
    if (namespace !== object.namespace) return false;
    if (kind === object.kind && name === object.name) return true;
    return object.kind === 'Pod' && kind === 'Service' && services.has(name);
  };
  const all = [...nodes.flatMap(({ desired }) => desired.problems), ...known.problems];
  return [...new Map(all.filter(concerns).map((problem) => [problemKey(problem), problem])).values()];
}
