import type { Answer, ConsulClient, NodeWithServices, TxnAnswer } from '../../consul/client.ts';
import type { CheckAnswer } from '../../consul/schemas.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { type CheckId, type ConsulNodeName, consulNodeName, type InstanceId } from '../../model/keys.ts';
import type { ObservedCheck, ObservedInstance, ObservedNode } from '../../plan/observed.ts';
import { catalogFeatures } from '../../plan/registry-features.ts';
import type { Missing, NodeReader, NodeReading } from '../node-reader.ts';
import { toCheck, toInstance, toNode } from '../stored.ts';
import { getInstance, getNode } from './txn-ops.ts';

/** Reads the catalog. */
export function catalogReader(client: ConsulClient): NodeReader {
  return {
    features: catalogFeatures,
    list: async (nodeMeta, signal) =>
      trusted(await client.catalogNodes({ nodeMeta }, signal)).map(({ Node }) => consulNodeName(Node)),
    read: (node, signal) => readNode(client, node, signal),
    absent: (nodes, signal) => absentNodes(client, nodes, signal),
    confirmAbsence: (missing, signal) => confirmAbsence(client, missing, signal),
  };
}

/** A node with everything on it as Consul holds it now. */
async function readNode(
  client: ConsulClient,
  name: ConsulNodeName,
  signal: AbortSignal,
): Promise<NodeReading> {
  const services = await client.nodeServices(name, signal);
  const found = trusted(services);
  if (found === undefined) return { node: undefined, index: undefined };
  const checks = await client.healthNode(name, signal);
  return {
    node: observedNode(found, trusted(checks)),
    index: checks.index,
  };
}

/**
 * The value of an answer that may be believed also in what it does not contain: rejects with `unavailable`
 * without a known leader, with `forbidden` when the token does not see everything. A reading that was
 * thinned is a 200 with fewer items and looks like mass removal.
 */
export function trusted<Value>(answer: Answer<Value>): Value {
  if (!answer.knownLeader) throw new RegistrarError('unavailable', 'Consul answers without a known leader');
  if (answer.filteredByAcls) {
    throw new RegistrarError(
      'forbidden',
      'the Consul token does not see everything on our nodes: it needs read on every node named after the cluster (node_prefix) and on the services there (service_prefix)',
    );
  }
  return answer.value;
}

/** A transaction holds at least this many operations on every Consul. */
const getsAtOnce = 64;

/** Those that Consul says do not exist; whether it shows the others remains to be seen. */
async function absentNodes(
  client: ConsulClient,
  nodes: readonly ConsulNodeName[],
  signal: AbortSignal,
): Promise<readonly ConsulNodeName[]> {
  const absent: ConsulNodeName[] = [];
  for (let start = 0; start < nodes.length; start += getsAtOnce) {
    const asked = nodes.slice(start, start + getsAtOnce);
    const answer = await client.transaction(asked.map(getNode), signal);
    if (answer.kind === 'rolled-back') absent.push(...asked.filter((_, index) => isMissing(answer, index)));
  }
  return absent;
}

/** Whether what this operation of a transaction gets does not exist. */
const isMissing = ({ errors }: Extract<TxnAnswer, { kind: 'rolled-back' }>, operation: number): boolean =>
  errors.some(({ opIndex, what }) => opIndex === operation && what.includes("doesn't exist"));

/**
 * Rejects with `forbidden` when what a reading does not show is there all the same and only not to be seen.
 * Consul does not say so of a reading without a token; but a transaction that gets a missing entry is
 * refused, and one that gets an unseen entry succeeds without a result.
 */
async function confirmAbsence(
  client: ConsulClient,
  { node, instance }: Missing,
  signal: AbortSignal,
): Promise<void> {
  const get = instance === undefined ? getNode(node) : getInstance(node, instance.id, instance.service);
  const what = instance === undefined ? `node ${node}` : `instance ${instance.id} on node ${node}`;
  const answer = await client.transaction([get], signal);
  if (answer.kind === 'rolled-back' && isMissing(answer, 0)) return;
  if (answer.kind === 'committed' && answer.results.length === 0) {
    throw new RegistrarError('forbidden', `${what} is not shown to the Consul token`);
  }
  throw new RegistrarError('unavailable', `the absence of ${what} is not confirmed`);
}

/** A check whose service is not there was overtaken by its removal between the two readings: left out. */
function observedNode({ Node, Services }: NodeWithServices, answers: readonly CheckAnswer[]): ObservedNode {
  const checks = new Map<CheckId, ObservedCheck>();
  const instances = new Map<InstanceId, ObservedInstance>();
  const checksOf = new Map<string, Map<CheckId, ObservedCheck>>();
  for (const answer of Services) {
    const own = new Map<CheckId, ObservedCheck>();
    const instance = toInstance(answer);
    checksOf.set(instance.id, own);
    instances.set(instance.id, { ...instance, checks: own });
  }
  for (const answer of answers) {
    const check = toCheck(answer);
    if (answer.ServiceID === '') checks.set(check.id, check);
    else checksOf.get(answer.ServiceID)?.set(check.id, check);
  }
  return { ...toNode(Node), checks, instances, stampedBefore: false };
}
