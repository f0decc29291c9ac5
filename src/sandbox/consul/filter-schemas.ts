import type { FieldKind } from './filter.ts';

const text: FieldKind = { kind: 'string' };
const number: FieldKind = { kind: 'number' };
const flag: FieldKind = { kind: 'boolean' };
const texts: FieldKind = { kind: 'strings' };
const textMap: FieldKind = { kind: 'map', of: text };
const struct = (fields: Readonly<Record<string, FieldKind>>): FieldKind => ({ kind: 'struct', fields });
const addresses: FieldKind = { kind: 'map', of: struct({ Address: text, Port: number }) };
const weights = struct({ Passing: number, Warning: number });

const node = {
  ID: text,
  Node: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: textMap,
  Meta: textMap,
};
const service = {
  Kind: text,
  ID: text,
  Service: text,
  Tags: texts,
  Address: text,
  TaggedAddresses: addresses,
  Meta: textMap,
  Port: number,
  SocketPath: text,
  Weights: weights,
  EnableTagOverride: flag,
  Connect: struct({ Native: flag }),
  PeerName: text,
};
const check = {
  Node: text,
  CheckID: text,
  Name: text,
  Status: text,
  Notes: text,
  Output: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: texts,
  Type: text,
  Interval: text,
  Timeout: text,
  ExposedPort: number,
  PeerName: text,
};

/** `catalog/nodes` */
export const nodeSchema = struct(node);
/** `catalog/node`, `catalog/node-services`, `agent/services` */
export const serviceSchema = struct(service);
/** `health/node`, `health/checks`, `health/state`, `agent/checks` */
export const checkSchema = struct(check);
/** `health/service` */
export const healthSchema = struct({
  Node: struct(node),
  Service: struct(service),
  Checks: { kind: 'list', fields: check },
});
/** `catalog/service`, `catalog/services` */
export const serviceNodeSchema = struct({
  ID: text,
  Node: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: textMap,
  NodeMeta: textMap,
  ServiceKind: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: texts,
  ServiceAddress: text,
  ServiceTaggedAddresses: addresses,
  ServiceWeights: weights,
  ServiceMeta: textMap,
  ServicePort: number,
  ServiceSocketPath: text,
  ServiceEnableTagOverride: flag,
  PeerName: text,
});
