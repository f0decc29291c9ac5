import type { AgentClient } from '../../consul/agent-client.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { Check } from '../../model/check.ts';
import { maintenanceCheckId, maintenanceType } from '../../model/check.ts';
import type { Instance } from '../../model/instance.ts';
import type { ConsulNodeName } from '../../model/keys.ts';
import type { Change } from '../../plan/change.ts';
import { writtenCheck } from '../../plan/fields.ts';
import { notesOf } from '../../plan/notes.ts';
import type { ObservedCheck, ObservedNode, StoredEntry } from '../../plan/observed.ts';
import type { Fence } from '../fence.ts';
import type { ChangeWriter } from '../registry.ts';
import { type Outcome, type Submitted, Tickets } from '../tickets.ts';
import { invalid } from '../validate.ts';
import { checkBody, markedReason, reportedOutput, serviceBody } from './agent-bodies.ts';
import type { Agents } from './agents.ts';
import type { KeepAlive } from './keep-alive.ts';

export interface AgentWriterOptions {
  readonly agents: Agents;
  /** What is known of a node. */
  readonly observed: (node: ConsulNodeName) => ObservedNode | undefined;
  readonly fence: Fence;
  readonly keepAlive: Pick<KeepAlive, 'run'>;
}

/**
 * Writes changes to the Consul agent of each node:
 *
 * - the changes of one node follow each other, nodes do not wait for each other;
 * - a change that the agent refuses is left out, the rest of its node goes on;
 * - when an agent cannot answer, what waits for this agent fails, and nothing else;
 * - when the fence is closed, everything that waits fails with `fenced`: agents know no transactions, so it
 *   keeps a deposed leader from writing here and cannot do so there;
 * - after `close()` no request starts; those in flight end.
 */
export class AgentWriter implements ChangeWriter {
  readonly #options: AgentWriterOptions;
  readonly #tickets = new Tickets();
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  constructor(options: AgentWriterOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#running.size;
  }

  async ready(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
  }

  submit(changes: readonly Change[]): Submitted {
    const submitted = this.#tickets.open(changes);
    for (const [node, ofNode] of Map.groupBy(changes, (change) => change.node)) {
      const running = this.#write(node, ofNode).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
    return submitted;
  }

  keepAlive(signal: AbortSignal): Promise<void> {
    return this.#options.keepAlive.run(signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#running);
  }

  async #write(node: ConsulNodeName, changes: readonly Change[]): Promise<void> {
    const open = new Set(changes);
    try {
      for (const change of changes) {
        const outcome = await this.#options.agents.write(node, (client) => this.#attempt(client, change));
        open.delete(change);
        this.#tickets.settle(change, outcome);
      }
    } catch (thrown) {
      const error = RegistrarError.from(thrown);
      for (const change of open) this.#tickets.settle(change, { kind: 'failed', error });
    }
  }

  /** Rejects when the agent, or this process, cannot go on with any other change either. */
  async #attempt(client: AgentClient, change: Change): Promise<Outcome> {
    const problem = invalid(change);
    if (problem !== undefined) return { kind: 'refused', error: new RegistrarError('rejected', problem) };
    if (this.#closed) throw new RegistrarError('aborted', 'the writer was closed before the change was sent');
    this.#options.fence.check();
    try {
      await this.#send(client, change);
    } catch (thrown) {
      const error = RegistrarError.from(thrown);
      if (error.code === 'rejected' || error.code === 'forbidden') return { kind: 'refused', error };
      throw error;
    }
    return { kind: 'committed', entries: this.#storedBy(change) };
  }

  async #send(client: AgentClient, change: Change): Promise<void> {
    // Not the caller's signal: what is in flight is finished, within the client's own deadline.
    const signal = neverAborted;
    switch (change.kind) {
      case 'put-instance': {
        const { id, checks } = change.instance;
        // An agent has two services where ids differ in case, and the catalog one entry for both: the agent's
        // removal of the other would take this one away, too, so that one goes first.
        for (const other of this.#options.observed(change.node)?.instances.keys() ?? []) {
          if (other !== id && other.toLowerCase() === id) await client.deregisterService(other, signal);
        }
        await client.registerService(serviceBody(change.instance), signal);
        for (const check of checks) {
          if (check.type === maintenanceType) await this.#maintain(client, id, check);
          // The registration has no place for the output.
          else await report(client, check);
        }
        return;
      }
      case 'put-check': {
        const { check, instance } = change;
        if (check.type === maintenanceType) {
          await this.#maintain(client, instance, check);
          return;
        }
        const known = this.#options.observed(change.node)?.instances.get(instance)?.checks.get(check.id);
        if (!isDefined(known, check)) await client.registerCheck(checkBody(check, instance), signal);
        await report(client, check);
        return;
      }
      case 'delete-check':
        if (change.instance !== undefined && change.check === maintenanceCheckId(change.instance)) {
          await client.maintenance(change.instance, undefined, signal);
        } else await client.deregisterCheck(change.check, signal);
        return;
      case 'delete-instance':
        await client.deregisterService(change.instance, signal);
        return;
      case 'put-node':
      case 'put-node-check':
      case 'delete-node':
        throw new RegistrarError('internal', `${change.kind} on ${change.node}: the node is its agent's`);
    }
  }

  /** What a reading would show after the change. */
  #storedBy(change: Change): StoredEntry[] {
    switch (change.kind) {
      case 'put-instance': {
        const { checks, ...instance } = change.instance;
        return [
          { kind: 'instance', instance: { ...instance, modifyIndex: 0 } },
          ...checks.map((check) => storedCheck(check, instance)),
        ];
      }
      case 'put-check': {
        const known = this.#options.observed(change.node)?.instances.get(change.instance);
        return known === undefined ? [] : [storedCheck(change.check, known)];
      }
      case 'put-node':
      case 'put-node-check':
      case 'delete-check':
      case 'delete-instance':
      case 'delete-node':
        return [];
    }
  }

  /** Left first: who is in maintenance keeps the reason it entered with. */
  async #maintain(client: AgentClient, instance: string, { output }: Check): Promise<void> {
    await client.maintenance(instance, undefined, neverAborted);
    await client.maintenance(instance, markedReason(output), neverAborted);
  }
}

const neverAborted = new AbortController().signal;

async function report(client: AgentClient, check: Check): Promise<void> {
  if (check.definition?.kind !== 'ttl') return;
  await client.updateCheck(check.id, check.status, reportedOutput(check), neverAborted);
}

/** Whether the agent has the check with this definition already. */
function isDefined(known: ObservedCheck | undefined, check: Check): boolean {
  return known !== undefined && known.name === check.name && known.notes === notesOf(check);
}

function storedCheck(check: Check, instance: Omit<Instance, 'checks'>): StoredEntry {
  const stored = { ...writtenCheck(check, instance), id: check.id, modifyIndex: 0 };
  return { kind: 'check', check: stored, instance: instance.id };
}
