import type { Config } from '../config/schema.ts';
import { isFinished, notReadyReason } from '../desired/health.ts';
import { isSwitchedOff } from '../desired/read-annotations.ts';
import { suggest } from '../lib/suggest.ts';
import type { Instance } from '../model/instance.ts';
import { originOf } from '../model/origin.ts';
import type { PodRecord } from '../model/pod.ts';
import { type Problem, problemKey } from '../model/problem.ts';
import type { ServiceRecord } from '../model/service.ts';
import type { Snapshot } from '../operator/snapshot.ts';
import type { Finding } from '../plan/finding.ts';
import type { ObservedInstance } from '../plan/observed.ts';
import { type NodePlan, type PlanInput, plan, type Step } from '../plan/plan.ts';
import { findingText, stepLines } from '../plan/render.ts';
import { unreadSourceText } from '../plan/unread.ts';
import type { OperatorKnowledge } from './running-operator.ts';

export interface ExplainedObject {
  readonly kind: 'Pod' | 'Service';
  readonly namespace: string;
  readonly name: string;
}

export interface Explanation {
  readonly lines: readonly string[];
  /** What is registered is what is wanted, and nothing is wrong with what is asked for. */
  readonly isRight: boolean;
}

/** An instance of the object, wanted or registered or both, and what would be written. */
interface Row {
  readonly node: string;
  readonly wanted: Instance | undefined;
  readonly registered: ObservedInstance | undefined;
  readonly steps: readonly Step[];
  readonly remarks: readonly string[];
}

/** What there is to say of an object. `known`: beyond what the cluster and Consul show. */
export function explanationOf(
  object: ExplainedObject,
  snapshot: Snapshot,
  config: Config,
  known: OperatorKnowledge,
): Explanation {
  const { stores, nodes } = snapshot;
  const pod = object.kind === 'Pod' ? stores.pod(object.namespace, object.name) : undefined;
  const service = object.kind === 'Service' ? stores.service(object.namespace, object.name) : undefined;
  const prefix = `${config.annotationPrefix}/`;
  const rows = nodes.flatMap((input) => rowsOf(object, input, snapshot, config, known));
  const problems = problemsOf(object, nodes, rows, known);
  const askedBy = pod === undefined ? [] : servicesBehind(pod, snapshot);

  const lines = [`${object.kind} ${object.namespace}/${object.name}`];
  const say = (text: string): void => void lines.push(`  ${text}`);
  if (pod === undefined && service === undefined)
    for (const text of absence(object, snapshot, config)) say(text);
  if (pod !== undefined) for (const text of podState(pod)) say(text);
  if (service?.deleting === true) say('is being deleted: its instances are removed');
  const record = pod ?? service;
  if (record !== undefined) for (const text of asking(record, askedBy, prefix)) say(text);
  for (const { field, message, severity, object: about } of problems) {
    const whose =
      about.name === object.name && about.kind === object.kind
        ? ''
        : `${about.kind} ${about.namespace === '' ? '' : `${about.namespace}/`}${about.name}: `;
    say(
      `${severity === 'error' ? 'wrong' : 'doubtful'}: ${whose}${field === '' ? '' : `${prefix}${field}: `}${message}`,
    );
  }
  if (service !== undefined && isAnnotated(service) && !hasEndpoints(service, snapshot)) {
    say('has no endpoints: no EndpointSlice of it lists an address');
  }
  lines.push('', rows.length === 0 ? 'In Consul: nothing, and nothing is wanted.' : 'In Consul:');
  for (const row of rows) lines.push(...rowLines(row, config.sync.policy));
  const isRight =
    record !== undefined &&
    problems.every(({ severity }) => severity === 'warning') &&
    rows.every(({ steps, remarks }) => steps.length === 0 && remarks.length === 0);
  return { lines, isRight };
}

/** The nodes and services in Consul of which something of the object would be written. */
export function unwritten(
  object: ExplainedObject,
  snapshot: Snapshot,
  config: Config,
): { readonly nodes: readonly string[]; readonly services: readonly string[] } {
  if (config.sync.policy === 'dry-run') return { nodes: [], services: [] };
  const rows = snapshot.nodes
    .flatMap((input) => rowsOf(object, input, snapshot, config, nothing))
    .filter(({ steps }) => steps.some(({ heldBy }) => heldBy === undefined));
  return {
    nodes: [...new Set(rows.map(({ node }) => node))],
    services: [...new Set(rows.flatMap(({ wanted, registered }) => (wanted ?? registered)?.service ?? []))],
  };
}

const nothing: OperatorKnowledge = { held: [], problems: [] };

function absence(
  { kind, namespace, name }: ExplainedObject,
  { stores }: Snapshot,
  { kubernetes }: Config,
): string[] {
  const watched = kubernetes.namespaces;
  if (watched.length > 0 && !watched.includes(namespace)) {
    return [`namespace ${namespace} is not watched: kubernetes.namespaces names ${watched.join(', ')}`];
  }
  const refused = stores.unread.find(
    (source) =>
      source.resource === (kind === 'Pod' ? 'pods' : 'services') &&
      (source.namespace === '' || source.namespace === namespace),
  );
  if (refused !== undefined) {
    return [
      `${unreadSourceText(refused)} may not be read: whether it is there is not known, and what is registered of it stays`,
    ];
  }
  const all = [...(kind === 'Pod' ? stores.pods : stores.services).records()];
  const here = all.filter((record) => record.namespace === namespace).map((record) => record.name);
  const elsewhere = all.filter((record) => record.name === name).map((record) => record.namespace);
  const meant = suggest(name, here);
  const selector = kubernetes.podLabelSelector;
  return [
    `is not there${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    ...(elsewhere.length === 0
      ? []
      : [`there is one of this name in namespace ${elsewhere.sort().join(', ')}: use -n`]),
    ...(kind === 'Pod' && selector !== undefined
      ? [`only pods that fit kubernetes.podLabelSelector are watched: ${selector}`]
      : []),
  ];
}

function podState(pod: PodRecord): string[] {
  if (isFinished(pod)) return [`has ended (${pod.phase}): ended pods are not registered`];
  if (pod.node === '') return ['is not scheduled to a node yet: it has no address to register'];
  const where = `runs on node ${pod.node}`;
  if (pod.ips.length === 0)
    return [`${where} and has no address yet: it is registered as soon as it has one`];
  const health = pod.deleting ? 'terminating' : pod.ready ? 'ready' : `not ready: ${notReadyReason(pod)}`;
  return [`${where}, ${pod.ips.join(' and ')}, ${health}`];
}

function asking(record: PodRecord | ServiceRecord, askedBy: readonly string[], prefix: string): string[] {
  const own = Object.keys(record.annotations).sort();
  const lines =
    own.length === 0 ? [] : [`asks with its annotations: ${own.map((key) => prefix + key).join(', ')}`];
  if (isSwitchedOff(record.annotations)) {
    const what =
      'ips' in record ? 'neither its own annotations nor a Service ask for it' : 'it asks for nothing';
    lines.push(`${prefix}service is "false": ${what}`);
  } else if (askedBy.length > 0) lines.push(`is asked for by ${askedBy.join(', ')}`);
  if (lines.length === 0) {
    lines.push(
      `nothing asks for it: it has no annotation ${prefix}service, nor has a Service in front of it`,
    );
  }
  return lines;
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

function rowsOf(
  object: ExplainedObject,
  input: PlanInput,
  { owner, observed, registry }: Snapshot,
  config: Config,
  { held }: OperatorKnowledge,
): Row[] {
  const ids = new Set(
    [...(input.desired.entry?.instances.values() ?? []), ...(input.observed?.instances.values() ?? [])]
      .filter(({ meta }) => isOf(object, meta))
      .map(({ id }) => id),
  );
  if (ids.size === 0) return [];
  const { policy } = config.sync;
  const wanted = { owner, server: observed.features, nodes: registry.nodes, policy };
  const here = held.filter(({ node }) => node === input.desired.name);
  const [planned] = plan([input], { ...wanted, held: here }).nodes;
  return [...ids].sort().map((id) => ({
    node: input.desired.name,
    wanted: input.desired.entry?.instances.get(id),
    registered: input.observed?.instances.get(id),
    ...planOf(id, planned),
  }));
}

function isOf({ kind, namespace, name }: ExplainedObject, meta: Instance['meta']): boolean {
  const origin = originOf(meta);
  return origin.namespace === namespace && origin[kind === 'Pod' ? 'pod' : 'service'] === name;
}

function planOf(id: string, planned: NodePlan | undefined): Pick<Row, 'steps' | 'remarks'> {
  const steps = planned?.steps ?? [];
  const remarks = (planned?.findings ?? []).filter((finding) => concerns(finding, id));
  return {
    steps: steps.filter(
      (step) => step.instance === id || step.id === id || (step.entry === 'node' && step.verb === 'remove'),
    ),
    remarks: remarks.map(findingText),
  };
}

function concerns(finding: Finding, id: string): boolean {
  switch (finding.kind) {
    case 'foreign-owner':
    case 'moving':
      return true;
    case 'foreign-instance':
    case 'foreign-check':
    case 'stale':
    case 'unread':
    case 'held':
      return finding.instance === id;
    case 'shared-name':
    case 'drift':
      return false;
  }
}

function rowLines({ node, wanted, registered, steps, remarks }: Row, policy: string): string[] {
  const shown = registered ?? wanted;
  if (shown === undefined) return [];
  const checks = [...shown.checks.values()].map(
    ({ name, status, output }) => `${name}: ${status}${output === '' ? '' : ` (${output})`}`,
  );
  const state =
    registered === undefined
      ? 'wanted, not registered yet'
      : wanted === undefined
        ? 'registered, not wanted'
        : steps.length === 0
          ? 'registered as wanted'
          : 'registered, differs from what is wanted';
  const waits =
    steps.length === 0
      ? []
      : policy === 'dry-run'
        ? ['    the policy is dry-run: nothing is written']
        : ['    a running operator would write:', ...steps.flatMap(stepLines).map((line) => `    ${line}`)];
  return [
    `  ${shown.service} ${shown.address}:${shown.port} on node ${node}: ${state}`,
    `    id ${shown.id}`,
    ...checks.map((line) => `    ${line}`),
    ...remarks.map((text) => `    ${text}`),
    ...waits,
  ];
}

/** What is wrong with the object, with the Services that ask for it, and with the nodes it is on. */
function problemsOf(
  object: ExplainedObject,
  nodes: readonly PlanInput[],
  rows: readonly Row[],
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
