import { RegistrarError } from '../lib/errors.ts';
import type { CheckId, ConsulNodeName, InstanceId } from '../model/keys.ts';
import type { ObservedCheck, ObservedInstance, ObservedNode } from '../plan/observed.ts';
import type { Answer, ConsulClient, NodeWithServices } from './client.ts';
import type { CheckAnswer } from './schemas.ts';
import { toCheck, toInstance, toNode } from './stored.ts';
import { getNode } from './txn-ops.ts';

/** A node with everything on it as Consul holds it now; undefined when there is none of the name. */
export async function readNode(
  client: ConsulClient,
  name: ConsulNodeName,
  signal: AbortSignal,
): Promise<ObservedNode | undefined> {
  const services = trusted(await client.nodeServices(name, {}, signal));
  if (services === undefined) return undefined;
  return observedNode(services, trusted(await client.healthNode(name, {}, signal)));
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
      'the Consul token does not see everything on our nodes: it needs read on node_prefix "" and service_prefix ""',
    );
  }
  return answer.value;
}

/**
 * Rejects with `forbidden` when the node is there and only not to be seen. Consul does not say so of a
 * reading without a token; but a transaction that gets a missing node is refused, and one that gets an
 * unseen node succeeds without a result.
 */
export async function confirmAbsence(
  client: ConsulClient,
  name: ConsulNodeName,
  signal: AbortSignal,
): Promise<void> {
  const answer = await client.txn(JSON.stringify([getNode(name)]), signal);
  if (answer.kind === 'rolled-back' && answer.errors.some(({ what }) => what.includes("doesn't exist")))
    return;
  if (answer.kind === 'committed' && answer.results.length === 0) {
    throw new RegistrarError('forbidden', `node ${name} is not shown to the Consul token any more`);
  }
  throw new RegistrarError('unavailable', `the absence of node ${name} is not confirmed`);
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
