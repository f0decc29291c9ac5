import { isDeepStrictEqual } from 'node:util';
import {
  deleteCheck,
  deleteNode,
  deleteService,
  ensureCheck,
  ensureNode,
  ensureService,
} from './catalog-writes.ts';
import type { Core, Handler } from './core.ts';
import {
  anything,
  type Decoded,
  DecodeError,
  type Decoder,
  decodeJson,
  flag,
  integer,
  listOf,
  mapOf,
  optional,
  struct,
  text,
} from './decode.ts';
import { definitionOf, nodeService, serviceIdentity } from './entries.ts';
import { type ConsulRequest, HttpError, json, tokenOf } from './http.ts';
import type { NodeRow } from './rows.ts';
import { checkKey, nodeKey, serviceKey } from './store.ts';
import { StoreError } from './store-error.ts';
import { checkDefinitionFields, serviceAddress, weights } from './txn-body.ts';
import { badNode } from './txn-node.ts';

const check = struct({
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
  Interval: text,
  Timeout: text,
  ExposedPort: integer,
  PeerName: text,
  // A session's check is one that transactions do not know.
  Definition: struct({ ...checkDefinitionFields, SessionName: text }, true),
  CreateIndex: integer,
  ModifyIndex: integer,
});

const registration = struct({
  Datacenter: text,
  ID: text,
  Node: text,
  Address: text,
  TaggedAddresses: mapOf(text),
  NodeMeta: mapOf(text),
  Service: optional(
    struct({
      Kind: text,
      ID: text,
      Service: text,
      Tags: listOf(text),
      Address: text,
      TaggedAddresses: mapOf(serviceAddress),
      Meta: mapOf(text),
      Port: integer,
      Ports: anything,
      SocketPath: text,
      Weights: optional(weights),
      EnableTagOverride: flag,
      Locality: anything,
      Proxy: anything,
      Connect: anything,
      PeerName: text,
      CreateIndex: integer,
      ModifyIndex: integer,
    }),
  ),
  Check: optional(check),
  Checks: listOf(check),
  SkipNodeUpdate: flag,
  PeerName: text,
  Locality: anything,
  WriteRequest: anything,
  CreateIndex: integer,
  ModifyIndex: integer,
});

const deregistration = struct({
  Datacenter: text,
  Node: text,
  ServiceID: text,
  CheckID: text,
  PeerName: text,
  WriteRequest: anything,
  Address: text,
});

export function decodeBody<T>(request: ConsulRequest, decode: Decoder<T>): T {
  try {
    return decodeJson(request.body, decode);
  } catch (thrown) {
    if (thrown instanceof DecodeError) throw new HttpError(400, `Request decode failed: ${thrown.message}`);
    throw thrown;
  }
}

type Registration = Decoded<typeof registration>;

/** Node, service and checks in one entry of the log. Meta that is not sent is removed, unless the node is skipped. */
export const register: Handler = (core, request) => {
  const body = decodeBody(request, registration);
  const bad = badNode(body.Node, body.ID);
  if (bad !== undefined) throw new HttpError(500, bad);
  if (body.Address === '' && !body.SkipNodeUpdate) {
    throw new HttpError(500, 'Must provide address if SkipNodeUpdate is not set');
  }
  const service = body.Service;
  const identity =
    service === undefined ? undefined : serviceIdentity(service.ID, service.Service, service.Address);
  if (identity !== undefined && 'refused' in identity) throw new HttpError(500, identity.refused);
  const checks = [...(body.Checks ?? []), ...(body.Check === undefined ? [] : [body.Check])].map(
    (wanted) => ({
      ...wanted,
      Node: wanted.Node || body.Node,
      CheckID: wanted.CheckID || wanted.Name,
    }),
  );
  vet(core, request, body, checks);
  core.store.apply((write) => {
    const known = core.store.nodes.get(nodeKey(body.Node));
    if (known === undefined || changesNode(core, body, known)) {
      const row = {
        ID: body.ID,
        Node: body.Node,
        Address: body.Address,
        Datacenter: body.Datacenter || core.settings.datacenter,
        TaggedAddresses: body.TaggedAddresses,
        Meta: body.NodeMeta,
      };
      explained('failed inserting node', () => ensureNode(core.store, write, row));
    }
    if (service !== undefined && identity !== undefined) {
      const entry = nodeService({ ...service, ID: identity.id, Weights: service.Weights });
      explained('failed inserting service', () => ensureService(core.store, write, body.Node, entry));
    }
    for (const wanted of checks) {
      const {
        IntervalDuration: _i,
        TimeoutDuration: _t,
        DeregisterCriticalServiceAfterDuration: _d,
        ...definition
      } = wanted.Definition;
      const { PeerName: _peer, CreateIndex: _c, ModifyIndex: _m, ...row } = wanted;
      const entry = { ...row, Definition: definitionOf(definition) };
      explained(`failed inserting check on node "${row.Node}"`, () => ensureCheck(core.store, write, entry));
    }
  });
  return json(true);
};

function explained(what: string, change: () => void): void {
  try {
    change();
  } catch (thrown) {
    throw thrown instanceof StoreError ? new StoreError(`${what}: ${thrown.message}`) : thrown;
  }
}

function changesNode(core: Core, body: Registration, known: NodeRow): boolean {
  if (body.SkipNodeUpdate) return false;
  return (
    body.ID !== known.ID ||
    body.Address !== known.Address ||
    (body.Datacenter || core.settings.datacenter) !== known.Datacenter ||
    !isDeepStrictEqual(body.TaggedAddresses, known.TaggedAddresses) ||
    !isDeepStrictEqual(body.NodeMeta, known.Meta)
  );
}

/** The rights a registration needs: the node's only when it changes, the service's, and that of every check. */
function vet(
  core: Core,
  request: ConsulRequest,
  body: Registration,
  checks: readonly Decoded<typeof check>[],
): void {
  const authorizer = core.acl.resolve(tokenOf(request));
  const known = core.store.nodes.get(nodeKey(body.Node));
  if (known === undefined || changesNode(core, body, known)) authorizer.requireWrite('node', body.Node);
  if (body.Service !== undefined) authorizer.requireWrite('service', body.Service.Service);
  for (const wanted of checks) {
    if (nodeKey(wanted.Node) !== nodeKey(body.Node)) {
      throw new HttpError(
        500,
        `Node '${wanted.Node}' for check '${wanted.CheckID}' doesn't match register request node '${body.Node}'`,
      );
    }
    if (wanted.ServiceID === '') authorizer.requireWrite('node', body.Node);
    else if (wanted.ServiceID !== (body.Service?.ID || body.Service?.Service)) {
      const other = core.store.services.get(serviceKey(body.Node, wanted.ServiceID));
      if (other === undefined) {
        throw new HttpError(500, `Unknown service ID '${wanted.ServiceID}' for check ID '${wanted.CheckID}'`);
      }
      authorizer.requireWrite('service', other.entry.Service);
    }
  }
}

/** A service, a check, or with neither the whole node. What is missing is no error. */
export const deregister: Handler = (core, request) => {
  const { Node, ServiceID, CheckID } = decodeBody(request, deregistration);
  if (Node === '') throw new HttpError(500, 'Must provide node');
  const authorizer = core.acl.resolve(tokenOf(request));
  if (authorizer.refuseWrite('node', Node) !== undefined) {
    const service = core.store.services.get(serviceKey(Node, ServiceID))?.entry.Service;
    const row = core.store.checks.get(checkKey(Node, CheckID));
    if (ServiceID !== '' && service === undefined)
      throw new HttpError(500, `Unknown service ID '${ServiceID}'`);
    if (ServiceID === '' && CheckID !== '' && row === undefined) {
      throw new HttpError(500, `Unknown check ID '${CheckID}'`);
    }
    const owner = ServiceID !== '' ? service : row?.ServiceName;
    if (owner) authorizer.requireWrite('service', owner);
    else authorizer.requireWrite('node', Node);
  }
  core.store.apply((write) => {
    if (ServiceID !== '') deleteService(core.store, write, Node, ServiceID);
    else if (CheckID !== '') deleteCheck(core.store, write, Node, CheckID);
    else deleteNode(core.store, write, Node);
  });
  return json(true);
};
