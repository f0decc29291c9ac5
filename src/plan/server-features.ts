/**
 * What the Consul server keeps of a transaction. Older servers drop some fields without a word (1.8.7 both
 * of these); comparing them would find a difference for ever and write for ever.
 */
export interface ServerFeatures {
  /** A check's Type. */
  readonly checkType: boolean;
  /** A service's TaggedAddresses. */
  readonly taggedAddresses: boolean;
}

export const allFeatures: ServerFeatures = { checkType: true, taggedAddresses: true };
