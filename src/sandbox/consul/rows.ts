/**
 * What the tables hold, in the shape and field order of Consul's JSON: a row is rendered by writing it out.
 * `null` and an empty list or map differ, as they do in Consul: going from one to the other is a change.
 */
export type StringMap = Readonly<Record<string, string>>;

export interface NodeRow {
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Datacenter: string;
  readonly TaggedAddresses: StringMap | null;
  readonly Meta: StringMap | null;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

export interface ServiceAddress {
  readonly Address: string;
  readonly Port: number;
}

export interface Weights {
  readonly Passing: number;
  readonly Warning: number;
}

/** A service as `catalog/node` and `health/service` show it. */
export interface NodeService {
  readonly Kind?: string;
  readonly ID: string;
  readonly Service: string;
  readonly Tags: readonly string[] | null;
  readonly Address: string;
  readonly TaggedAddresses?: Readonly<Record<string, ServiceAddress>>;
  readonly Meta: StringMap | null;
  /** Absent when 0. */
  readonly Port?: number;
  readonly Weights: Weights;
  readonly EnableTagOverride: boolean;
  readonly Proxy: object;
  readonly Connect: object;
  readonly PeerName: string;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

export interface ServiceRow {
  readonly node: string;
  readonly entry: NodeService;
}

export interface CheckRow {
  readonly Node: string;
  readonly CheckID: string;
  readonly Name: string;
  readonly Status: string;
  readonly Notes: string;
  readonly Output: string;
  readonly ServiceID: string;
  readonly ServiceName: string;
  readonly ServiceTags: readonly string[] | null;
  readonly Type: string;
  readonly Interval: string;
  readonly Timeout: string;
  readonly ExposedPort: number;
  readonly Definition: object;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

export interface KvRow {
  readonly LockIndex: number;
  readonly Key: string;
  readonly Flags: number;
  /** Base64; `null` for an empty value. */
  readonly Value: string | null;
  readonly Session?: string;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** Where a key was deleted, so that the index of a prefix does not go back. */
export interface TombstoneRow {
  readonly Key: string;
  readonly Index: number;
}

export interface SessionRow {
  readonly ID: string;
  readonly Name: string;
  readonly Node: string;
  /** Nanoseconds, as Go writes a duration. */
  readonly LockDelay: number;
  readonly Behavior: 'release' | 'delete';
  /** A Go duration such as `10s`; empty = none. */
  readonly TTL: string;
  readonly NodeChecks: readonly string[] | null;
  readonly ServiceChecks: readonly { readonly ID: string; readonly Namespace: string }[] | null;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}
