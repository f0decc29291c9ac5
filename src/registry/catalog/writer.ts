import type { ConsulClient, TxnAnswer, TxnOpError } from '../../consul/client.ts';
import type { Clock } from '../../lib/clock.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { Change } from '../../plan/change.ts';
import { type Fence, noFence, type Prefix } from '../fence.ts';
import type { ChangeWriter } from '../registry.ts';
import { type Submitted, Tickets } from '../tickets.ts';
import {
  type Batch,
  batchOf,
  bodyOf,
  type EncodedChange,
  pack,
  packEncoded,
  type TxnLimits,
} from './batch.ts';
import { LearntLimits } from './learnt-limits.ts';
import { storedEntries } from './stored-entries.ts';
import { isDenied } from './txn-ops.ts';

/** One transaction, for metrics. */
export interface TxnReport {
  readonly result: TxnAnswer['kind'] | 'failed';
  readonly operations: number;
  readonly changes: readonly Change[];
  readonly durationMs: number;
}

export interface WriterOptions {
  readonly client: ConsulClient;
  readonly clock: Clock;
  /** Transactions in flight at once. Default 4: more gains little. */
  readonly maxInFlight?: number;
  /** Precedes every transaction. Default: none. */
  readonly fence?: Fence;
  /** Called after every transaction. */
  readonly onTransaction?: (report: TxnReport) => void;
}

/**
 * Writes changes to Consul in transactions, by group commit:
 *
 * - while fewer than `maxInFlight` transactions are in flight, what is submitted goes out at once;
 * - `ready()` resolves when there is room, so the caller lets its changes gather, coalesced, meanwhile;
 * - what waits for a gate (batch.ts) lets later ones pass that do not;
 * - an operation that Consul refuses is left out with its change, the rest is sent again at once;
 * - when Consul cannot answer at all, everything that waits fails with the same error: it is computed again
 *   from the state that is then, never sent again as it was;
 * - a limit the server names is kept to for a while and what waits is packed again (learnt-limits.ts);
 * - when the fence is closed, here or in Consul, everything that waits fails with `fenced`;
 * - after `close()` no transaction starts; those in flight end.
 *
 *     await writer.ready(signal);
 *     const submitted = writer.submit(changesOfAllDirtyNodes());
 *
 * A node must not be submitted again before its results are in.
 */
export class Writer implements ChangeWriter {
  readonly #client: ConsulClient;
  readonly #clock: Clock;
  readonly #maxInFlight: number;
  readonly #fence: Fence;
  readonly #onTransaction: (report: TxnReport) => void;
  readonly #tickets = new Tickets();
  readonly #inFlight = new Map<Queued, Promise<void>>();
  readonly #capacity: Wakeup;
  readonly #limits: LearntLimits;
  #queue: Queued[] = [];
  #submitted = 0;
  #closed = false;

  constructor(options: WriterOptions) {
    const { client, clock, maxInFlight = 4, fence = noFence, onTransaction = () => {} } = options;
    this.#client = client;
    this.#clock = clock;
    this.#capacity = new Wakeup(clock);
    this.#limits = new LearntLimits(clock);
    this.#maxInFlight = maxInFlight;
    this.#fence = fence;
    this.#onTransaction = onTransaction;
  }

  /** Whether something submitted now is sent at once, unless it has to wait for what is in flight. */
  get hasCapacity(): boolean {
    return this.#inFlight.size < this.#maxInFlight;
  }

  /** Transactions on their way. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Resolves when there is capacity; rejects with the signal's reason. */
  async ready(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!this.hasCapacity) await this.#capacity.wait(undefined, signal);
  }

  submit(changes: readonly Change[]): Submitted {
    const submitted = this.#tickets.open(changes);
    const { batches, invalid } = pack(changes, this.#room);
    for (const batch of batches) {
      this.#queue.push({ batch, position: this.#submitted });
      this.#submitted += 1;
    }
    for (const { change, problem } of invalid) this.#refuse(change, new RegistrarError('rejected', problem));
    this.#pump();
    return submitted;
  }

  /** Lets the transactions in flight end and starts none; what has not been sent fails with `aborted`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#failQueue(closedError());
    await Promise.all(this.#inFlight.values());
  }

  #pump(): void {
    if (this.#closed) this.#failQueue(closedError());
    while (this.#inFlight.size < this.#maxInFlight) {
      const queued = this.#takeEligible();
      if (queued === undefined) break;
      const sent = this.#send(queued.batch).finally(() => {
        this.#inFlight.delete(queued);
        this.#pump();
      });
      this.#inFlight.set(queued, sent);
    }
    if (this.hasCapacity) this.#capacity.notify();
  }

  /** The first batch that waits for no gate before it. */
  #takeEligible(): Queued | undefined {
    const before = [...this.#inFlight.keys()];
    for (const [place, queued] of this.#queue.entries()) {
      const isHeld = before.some(
        ({ batch, position }) =>
          position < queued.position && !batch.gates.isDisjointFrom(queued.batch.awaits),
      );
      if (!isHeld) {
        this.#queue.splice(place, 1);
        return queued;
      }
      before.push(queued);
    }
    return undefined;
  }

  /** Sends the batch, and after a refusal what is left of it, until each of its changes is settled. */
  async #send(batch: Batch): Promise<void> {
    const rest: Batch[] = this.#fitting(batch);
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      const live = this.#unsettled(next);
      if (live === undefined) continue;
      if (this.#closed) {
        this.#failBatch(live, closedError());
        continue;
      }
      rest.unshift(...(await this.#attempt(live)));
    }
  }

  /** One transaction; returns what of it is to be sent again. */
  async #attempt(batch: Batch): Promise<Batch[]> {
    const startedAt = this.#clock.now();
    const changes = batch.changes.map(({ change }) => change);
    const report = (result: TxnReport['result']): void =>
      this.#onTransaction({
        result,
        changes,
        operations: batch.operations,
        durationMs: this.#clock.now() - startedAt,
      });
    let answer: TxnAnswer;
    let prefix: Prefix;
    try {
      prefix = this.#fence.check();
    } catch (thrown) {
      return this.#afterError(batch, RegistrarError.from(thrown));
    }
    try {
      // Not the caller's signal: a transaction in flight is finished, within the client's own deadline.
      answer = await this.#client.txn(bodyOf(batch, prefix.body), neverAborted);
    } catch (thrown) {
      report('failed');
      return this.#afterError(batch, RegistrarError.from(thrown));
    }
    report(answer.kind);
    switch (answer.kind) {
      case 'committed':
        // No change writes a key: these results are the fence's.
        this.#commit(
          changes,
          answer.results.filter(({ KV }) => KV === undefined),
        );
        return [];
      case 'rolled-back':
        return this.#afterRollback(batch, prefix, answer.errors);
      case 'too-large':
        return this.#afterTooLarge(batch, answer);
    }
  }

  #commit(changes: readonly Change[], results: Extract<TxnAnswer, { kind: 'committed' }>['results']): void {
    try {
      const stored = storedEntries(changes, results);
      for (const [position, change] of changes.entries()) {
        this.#tickets.settle(change, { kind: 'committed', entries: stored[position] ?? [] });
      }
    } catch (thrown) {
      const error = RegistrarError.from(thrown);
      for (const change of changes) this.#fail(change, error);
    }
  }

  #afterRollback(batch: Batch, prefix: Prefix, errors: readonly TxnOpError[]): Batch[] {
    const closed = errors.find(({ opIndex }) => opIndex >= 0 && opIndex < prefix.operations);
    if (closed !== undefined) {
      if (this.#fence.refused(closed.what)) return [batch];
      return this.#afterError(batch, new RegistrarError('fenced', closed.what));
    }
    const culprits = new Map<EncodedChange, string>();
    for (const { opIndex, what } of errors) {
      const culprit = changeAt(batch, opIndex - prefix.operations);
      if (culprit !== undefined && !culprits.has(culprit)) culprits.set(culprit, what);
    }
    if (culprits.size === 0) {
      const error = new RegistrarError('protocol', 'PUT /v1/txn: rolled back, but no operation is named');
      return this.#afterError(batch, error);
    }
    for (const [{ change }, what] of culprits) this.#refuse(change, refusal(change, what));
    return [batch];
  }

  #afterTooLarge(batch: Batch, answer: Extract<TxnAnswer, { kind: 'too-large' }>): Batch[] {
    this.#limits.learn(answer);
    const { operations, bytes } = this.#room;
    // No limit is named that can be believed and that this batch breaks: half of it is the best guess.
    if (batch.operations <= operations && batch.bytes <= bytes)
      return this.#halves(batch, new RegistrarError('rejected', answer.text, { status: 413 }));
    return this.#fitting(batch);
  }

  #afterError(batch: Batch, error: RegistrarError): Batch[] {
    // 400 names no operation: the one at fault is found by halving.
    if (error.code === 'rejected') return this.#halves(batch, error);
    this.#failBatch(batch, error);
    this.#failQueue(error);
    return [];
  }

  #halves({ changes }: Batch, error: RegistrarError): Batch[] {
    if (changes.length === 1) {
      for (const { change } of changes) this.#refuse(change, error);
      return [];
    }
    const middle = Math.ceil(changes.length / 2);
    return [batchOf(changes.slice(0, middle)), batchOf(changes.slice(middle))];
  }

  /** The batch as it is, or packed again when the limit has become lower since. */
  #fitting(batch: Batch): Batch[] {
    const { operations, bytes } = this.#room;
    if (batch.operations <= operations && batch.bytes <= bytes) return [batch];
    const { batches, oversized } = packEncoded(batch.changes, this.#room);
    for (const { change } of oversized) {
      const text = `the change is larger than a transaction of ${operations} operations and ${bytes} bytes`;
      this.#refuse(change, new RegistrarError('rejected', text, { status: 413 }));
    }
    return batches;
  }

  /** What a transaction may hold beside the fence. */
  get #room(): TxnLimits {
    const { operations, bytes } = this.#fence.reserve;
    const comma = operations > 0 ? 1 : 0;
    const limits = this.#limits.current;
    return { operations: limits.operations - operations, bytes: limits.bytes - bytes - comma };
  }

  /** The batch without what has been settled meanwhile. */
  #unsettled(batch: Batch): Batch | undefined {
    const open = batch.changes.filter(({ change }) => !this.#tickets.isSettled(change));
    if (open.length === batch.changes.length) return batch;
    return open.length === 0 ? undefined : batchOf(open);
  }

  /** The change is at fault. Without its node, nothing that was meant for it can be written either. */
  #refuse(change: Change, error: RegistrarError): void {
    const beside = change.kind === 'put-node' ? this.#tickets.openBeside(change) : [];
    this.#tickets.settle(change, { kind: 'refused', error });
    const text = `its node was not written: ${describe(error)}`;
    for (const each of beside) this.#fail(each, new RegistrarError(error.code, text, { cause: error }));
  }

  #fail(change: Change, error: RegistrarError): void {
    this.#tickets.settle(change, { kind: 'failed', error });
  }

  #failBatch({ changes }: Batch, error: RegistrarError): void {
    for (const { change } of changes) this.#fail(change, error);
  }

  #failQueue(error: RegistrarError): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const { batch } of queue) this.#failBatch(batch, error);
  }
}

/** A batch and its place in the order of submission. */
interface Queued {
  readonly batch: Batch;
  readonly position: number;
}

const neverAborted = new AbortController().signal;

function closedError(): RegistrarError {
  return new RegistrarError('aborted', 'the writer was closed before the change was sent');
}

function changeAt(batch: Batch, opIndex: number): EncodedChange | undefined {
  let end = 0;
  for (const each of batch.changes) {
    end += each.operations;
    if (opIndex < end) return opIndex < 0 ? undefined : each;
  }
  return undefined;
}

/** Consul's reason as an error; the texts are those of its state store and of its ACL system. */
function refusal(change: Change, what: string): RegistrarError {
  const message = `${change.kind} on node ${change.node}: ${what}`;
  if (what.includes('index is stale')) return new RegistrarError('conflict', message, { status: 409 });
  if (isDenied(what)) return new RegistrarError('forbidden', message, { status: 403 });
  return new RegistrarError('rejected', message, { status: 409 });
}
