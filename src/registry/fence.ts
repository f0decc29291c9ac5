/** What precedes the operations of every transaction, encoded. */
export interface Prefix {
  /** Operations as JSON, joined by commas; empty for none. */
  readonly body: string;
  readonly bytes: number;
  readonly operations: number;
}

/**
 * Stops the writes of a process that does not lead any more: here, before a request is sent, and in Consul, by operations
 * that fail there. These operations change nothing.
 */
export interface Fence {
  /** What a transaction sent now has to begin with. Throws `fenced` when none may be sent. */
  check(): Prefix;
  /** Room to leave for it. */
  readonly reserve: Pick<Prefix, 'bytes' | 'operations'>;
  /**
   * Consul refused one of these operations. Returns whether the transaction is to be sent again with what
   * check() gives now; otherwise it has failed as `fenced`.
   */
  refused(what: string): boolean;
}

export const noPrefix: Prefix = { body: '', bytes: 0, operations: 0 };

/** The fence of a process that is alone. */
export const noFence: Fence = { check: () => noPrefix, reserve: noPrefix, refused: () => false };
