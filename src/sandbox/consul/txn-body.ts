import {
  anything,
  bytes,
  type Decoded,
  type Decoder,
  duration,
  flag,
  integer,
  listOf,
  mapOf,
  optional,
  struct,
  text,
} from './decode.ts';

/** The body of `PUT /v1/txn`, as strict as Consul's own: a field that is not here refuses the whole body. */
const kv = struct({
  Verb: text,
  Key: text,
  Value: bytes,
  Flags: integer,
  Index: integer,
  Session: text,
  Namespace: text,
  Partition: text,
});

const node = struct({
  Verb: text,
  Node: struct({
    ID: text,
    Node: text,
    Address: text,
    Datacenter: text,
    TaggedAddresses: mapOf(text),
    Meta: mapOf(text),
    CreateIndex: integer,
    ModifyIndex: integer,
    Partition: text,
    PeerName: text,
    Locality: anything,
  }),
});

export const serviceAddress = struct({ Address: text, Port: integer });
export const weights = struct({ Passing: integer, Warning: integer });

const service = struct({
  Verb: text,
  Node: text,
  Service: struct({
    Kind: text,
    ID: text,
    Service: text,
    Tags: listOf(text),
    Meta: mapOf(text),
    Port: integer,
    Ports: anything,
    Address: text,
    SocketPath: text,
    TaggedAddresses: mapOf(serviceAddress),
    Weights: weights,
    EnableTagOverride: flag,
    CreateIndex: integer,
    ModifyIndex: integer,
    ContentHash: text,
    Proxy: anything,
    Connect: anything,
    PeerName: text,
    Namespace: text,
    Partition: text,
    Datacenter: text,
    Locality: anything,
  }),
});

/** Decoded by Consul with a lenient decoder of its own: unknown fields are dropped. */
export const checkDefinitionFields = {
  HTTP: text,
  Header: mapOf(listOf(text)),
  Method: text,
  Body: text,
  TLSServerName: text,
  TLSSkipVerify: flag,
  TCP: text,
  TCPUseTLS: flag,
  UDP: text,
  GRPC: text,
  OSService: text,
  GRPCUseTLS: flag,
  Interval: duration,
  Timeout: duration,
  DeregisterCriticalServiceAfter: duration,
  IntervalDuration: duration,
  TimeoutDuration: duration,
  DeregisterCriticalServiceAfterDuration: duration,
} as const;

const checkDefinition = struct(checkDefinitionFields, true);

const check = struct({
  Verb: text,
  Check: struct({
    Node: text,
    CheckID: text,
    Name: text,
    Status: text,
    Notes: text,
    Output: text,
    ServiceID: text,
    ServiceName: text,
    ServiceTags: listOf(text),
    Type: text,
    Namespace: text,
    Partition: text,
    ExposedPort: integer,
    PeerName: text,
    Definition: checkDefinition,
    CreateIndex: integer,
    ModifyIndex: integer,
  }),
});

const wireOperation = struct({
  KV: optional(kv),
  Node: optional(node),
  Service: optional(service),
  Check: optional(check),
});

export type KvOperation = Decoded<typeof kv> & { readonly kind: 'kv' };
export type NodeOperation = Decoded<typeof node> & { readonly kind: 'node' };
export type ServiceOperation = Decoded<typeof service> & { readonly kind: 'service' };
export type CheckOperation = Decoded<typeof check> & { readonly kind: 'check' };
export type TxnOperation = KvOperation | NodeOperation | ServiceOperation | CheckOperation;
export type WireOperation = Decoded<typeof wireOperation>;

export const txnBody: Decoder<readonly WireOperation[] | null> = listOf(wireOperation);

/** The operations as a union. One that names none of the four kinds vanishes, as in Consul. */
export function operationsOf(wire: readonly WireOperation[]): readonly TxnOperation[] {
  return wire.flatMap((operation): TxnOperation[] => {
    if (operation.KV !== undefined) return [{ kind: 'kv', ...operation.KV }];
    if (operation.Node !== undefined) return [{ kind: 'node', ...operation.Node }];
    if (operation.Service !== undefined) return [{ kind: 'service', ...operation.Service }];
    if (operation.Check !== undefined) return [{ kind: 'check', ...operation.Check }];
    return [];
  });
}

/** Whether a transaction with this operation goes through the raft log. */
export function isWrite(operation: TxnOperation): boolean {
  if (operation.kind !== 'kv') return operation.Verb !== 'get';
  return ['set', 'delete', 'delete-cas', 'delete-tree', 'cas', 'lock', 'unlock'].includes(operation.Verb);
}
