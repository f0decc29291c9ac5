/**
 * Which fields of a transaction the Consul server stores. Older servers drop some silently (1.8.7 drops both of
 * these); comparing a dropped field would find a difference at every comparison and write it each time.
 */
export interface ServerFeatures {
  /** A check's Type. */
  readonly checkType: boolean;
  /** A service's TaggedAddresses. */
  readonly taggedAddresses: boolean;
}

export const allFeatures: ServerFeatures = { checkType: true, taggedAddresses: true };
