import type { ConsulClient, TxnAnswer } from '../../consul/client.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { ClusterUid } from '../../model/keys.ts';
import { type Fence, noPrefix, type Prefix } from '../fence.ts';
import { isDenied, type TxnOp } from './txn-ops.ts';

export interface EpochFenceOptions {
  readonly client: ConsulClient;
  readonly owner: ClusterUid;
  /** Who leads, for people who look at the key. */
  readonly holder: string;
  readonly term: number;
  /** Whether this process leads, as far as it knows; called before every write. */
  readonly mayWrite: () => boolean;
  /** Consul says that another process leads. Called at most once. */
  readonly onDeposed: (error: RegistrarError) => void;
  /** Writes are not fenced from now on. Called at most once, possibly by claim(). */
  readonly onUnfenced: (why: string) => void;
}

/** The key in Consul's KV store whose index is the epoch of this cluster's leader. */
export const epochKey = (owner: ClusterUid): string => `kube-registrar/${owner}/epoch`;

/**
 * A fence on a key that every new leader writes: each transaction carries a `check-index` of the key as this
 * leader wrote it. What an earlier leader still has in flight, or sends after a pause, is refused as a whole. https://developer.hashicorp.com/consul/api-docs/txn#kv-operations
 *
 * Without rights on the key the check is left out. What an earlier leader could then still write is held off
 * only by its own look at the lease, and does no lasting harm: writes are idempotent, and its successor's
 * next comparison repairs them.
 */
export class EpochFence implements Fence {
  readonly #options: EpochFenceOptions;
  #prefix: Prefix;
  #deposed = false;

  private constructor(options: EpochFenceOptions, prefix: Prefix) {
    this.#options = options;
    this.#prefix = prefix;
  }

  /**
   * Makes this process the one whose writes Consul accepts. Rejects with `fenced` when it does not lead any
   * more, and as ConsulClient.txn() when Consul cannot answer: then to be tried again.
   */
  static async claim(options: EpochFenceOptions, signal: AbortSignal): Promise<EpochFence> {
    const { client, owner, holder, term, mayWrite, onUnfenced } = options;
    const Key = epochKey(owner);
    const send = async (operation: TxnOp): Promise<TxnAnswer | undefined> => {
      if (!mayWrite()) throw notLeading();
      return unlessDenied(client, operation, signal);
    };
    const unfenced = (): EpochFence => {
      onUnfenced(`the Consul token may not read and write the key ${Key}`);
      return new EpochFence(options, noPrefix);
    };

    // The index is read before the lease is looked at again: after a pause between the two, either the look
    // finds the lease expired, or the index is that of before the pause and a successor has moved it.
    const before = await send({ KV: { Verb: 'get', Key } });
    const index = before && indexIn(before);
    if (index === undefined) return unfenced();
    // Consul does not move the index of a key that is written as it is: no two claims are alike.
    const value = { holder, term, after: index };
    const Value = Buffer.from(JSON.stringify(value)).toString('base64');
    const written = await send({ KV: { Verb: 'cas', Key, Value, Index: index } });
    if (written === undefined) return unfenced();
    const epoch = written.kind === 'committed' ? written.results[0]?.KV?.ModifyIndex : undefined;
    if (epoch === undefined) throw new RegistrarError('conflict', `${Key} was written by another program`);
    return new EpochFence(options, prefixOf({ KV: { Verb: 'check-index', Key, Index: epoch } }));
  }

  /** Whether Consul refuses the writes of an earlier leader. */
  get isFenced(): boolean {
    return this.#prefix.operations > 0;
  }

  get reserve(): Prefix {
    return this.#prefix;
  }

  check(): Prefix {
    if (this.#deposed || !this.#options.mayWrite()) throw notLeading();
    return this.#prefix;
  }

  refused(what: string): boolean {
    if (isDenied(what)) {
      if (!this.isFenced) return true;
      this.#prefix = noPrefix;
      this.#options.onUnfenced(what);
      return true;
    }
    if (this.#deposed) return false;
    this.#deposed = true;
    this.#options.onDeposed(new RegistrarError('fenced', `Consul follows another leader: ${what}`));
    return false;
  }
}

/** The key of a cluster that is gone, or that is to be forgotten: removed by `purge`. */
export class EpochKey {
  readonly name: string;
  readonly #client: ConsulClient;

  constructor(client: ConsulClient, owner: ClusterUid) {
    this.name = epochKey(owner);
    this.#client = client;
  }

  /** Its index, 0 when there is none; undefined without the right to read it. */
  async index(signal: AbortSignal): Promise<number | undefined> {
    const found = await unlessDenied(this.#client, { KV: { Verb: 'get', Key: this.name } }, signal);
    return found && indexIn(found);
  }

  /**
   * Removes it as it was found; what is not there is removed. Returns false without the right to. Rejects with
   * `conflict` when a leader has written it since.
   */
  async remove(index: number, signal: AbortSignal): Promise<boolean> {
    if (index === 0) return true;
    const operation: TxnOp = { KV: { Verb: 'delete-cas', Key: this.name, Index: index } };
    const answer = await unlessDenied(this.#client, operation, signal);
    if (answer === undefined || answer.kind === 'committed') return answer !== undefined;
    throw new RegistrarError(
      'conflict',
      `${this.name} was written by a leader: an operator runs; stop it first`,
    );
  }
}

/** Undefined when the token has no right to it. */
async function unlessDenied(
  client: ConsulClient,
  operation: TxnOp,
  signal: AbortSignal,
): Promise<TxnAnswer | undefined> {
  try {
    const answer = await client.transaction([operation], signal);
    const denied = answer.kind === 'rolled-back' && answer.errors.some(({ what }) => isDenied(what));
    return denied ? undefined : answer;
  } catch (thrown) {
    const error = RegistrarError.from(thrown);
    // A token that is not known at all says nothing about its rights.
    if (error.code === 'forbidden' && isDenied(error.message)) return undefined;
    throw error;
  }
}

/** Of a key that was asked for, 0 when there is none. One that may not be read is left out of the results. */
const indexIn = (answer: TxnAnswer): number | undefined =>
  answer.kind === 'committed' ? answer.results[0]?.KV?.ModifyIndex : 0;

function prefixOf(operation: TxnOp): Prefix {
  const body = JSON.stringify(operation);
  return { body, bytes: Buffer.byteLength(body), operations: 1 };
}

const notLeading = (): RegistrarError =>
  new RegistrarError('fenced', 'this process does not lead any more, so it writes nothing');
