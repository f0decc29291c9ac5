import type { Check } from './check.ts';
import type { InstanceId, ServiceName } from './keys.ts';

export interface TaggedAddress {
  readonly address: string;
  readonly port: number;
}

export interface Weights {
  readonly passing: number;
  readonly warning: number;
}

/** How an instance grows from weight 1 to its full one. */
export interface WarmUp {
  readonly durationMs: number;
  /** When its pod became Ready, wall-clock milliseconds; undefined while it is not. */
  readonly since: number | undefined;
}

/**
 * One instance of a Consul service, in canonical form: tags and meta are sorted, so that equal instances are equal
 * text. Consul itself treats another order of tags as a change.
 */
export interface Instance {
  readonly id: InstanceId;
  readonly service: ServiceName;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weights: Weights;
  /** Keys such as `lan_ipv4`, `lan_ipv6`. */
  readonly taggedAddresses: Readonly<Record<string, TaggedAddress>>;
  /** Sorted by id. */
  readonly checks: readonly Check[];
  /** Present until desired/warm-up.ts has set the weight and state for the moment. It is not written to Consul. */
  readonly warmup?: WarmUp;
}
