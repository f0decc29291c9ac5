import { createHash } from 'node:crypto';
import { serviceTopic } from './agent.ts';
import {
  badCheck,
  type CheckFields,
  checkBody,
  checkUpdateBody,
  runtimeOf,
  type ServiceBody,
  serviceBody,
} from './agent-body.ts';
import { blockingOptions } from './blocking-query.ts';
import { decodeBody } from './catalog-registration.ts';
import type { Unstamped } from './catalog-writes.ts';
import type { Core, Handler, Route } from './core.ts';
import { formatDuration } from './duration.ts';
import { nodeService, serviceIdentity } from './entries.ts';
import { checkSchema, serviceSchema } from './filter-schemas.ts';
import { type ConsulRequest, done, HttpError, json, tokenOf } from './http.ts';
import { validateMeta } from './meta.ts';
import { filterOf } from './read-endpoint.ts';
import type { CheckRow, NodeService, ServiceAddress } from './rows.ts';
import { StoreError } from './store-error.ts';

const statuses = ['passing', 'warning', 'critical'];
const nodeMaintenance = '_node_maintenance';
const noRuntime = { type: 'maintenance', ttlMs: 0, deregisterAfterMs: 0 };

/** A service as the agent's endpoints show it: another order of fields, no null. */
function agentService(core: Core, service: Unstamped<NodeService>): Record<string, unknown> {
  return {
    ...(service.Kind === undefined ? {} : { Kind: service.Kind }),
    ID: service.ID,
    Service: service.Service,
    Tags: service.Tags ?? [],
    Meta: service.Meta ?? {},
    Port: service.Port ?? 0,
    Address: service.Address,
    ...(service.TaggedAddresses === undefined ? {} : { TaggedAddresses: service.TaggedAddresses }),
    Weights: service.Weights,
    EnableTagOverride: service.EnableTagOverride,
    Datacenter: core.settings.datacenter,
  };
}

/** The agent's lists have no index; a thinned one is marked for those who have a token. */
function thinned<T>(core: Core, request: ConsulRequest, items: readonly T[], service: (item: T) => string) {
  const authorizer = core.acl.resolve(tokenOf(request));
  const allowed = items.filter((item) => {
    const name = service(item);
    return name === ''
      ? authorizer.mayRead('node', core.settings.nodeName)
      : authorizer.mayRead('service', name);
  });
  const marked = allowed.length < items.length && tokenOf(request) !== '';
  return { allowed, headers: marked ? { 'x-consul-results-filtered-by-acls': 'true' } : {} };
}

const byKey = <T>(items: readonly T[], key: (item: T) => string): Record<string, T> =>
  Object.fromEntries(items.map((item) => [key(item), item] as const).sort(([a], [b]) => (a < b ? -1 : 1)));

const services: Handler = (core, request) => {
  const filter = filterOf(request, serviceSchema);
  const { allowed, headers } = thinned(
    core,
    request,
    [...core.agent.services.values()],
    ({ Service }) => Service,
  );
  const shown = allowed.map((each) => agentService(core, each)).filter(filter);
  return json(
    byKey(shown, (each) => String(each['ID'])),
    headers,
  );
};

/** With `?hash=` of what the client has, waits for a change. */
const service: Handler = async (core, request, id) => {
  const { clock, store, agent, random } = core;
  const deadline = clock.now() + blockingOptions(request).waitMs * (1 + random() / 16);
  for (;;) {
    const found = agent.services.get(id);
    const authorizer = core.acl.resolve(tokenOf(request));
    if (found === undefined) throw new HttpError(404, `unknown service ID: ${id}`);
    authorizer.requireRead('service', found.Service);
    const { Datacenter, ...shown } = agentService(core, found);
    const hash = createHash('sha256').update(JSON.stringify(shown)).digest('hex').slice(0, 16);
    const answer = json({ ...shown, ContentHash: hash, Datacenter }, { 'x-consul-contenthash': hash });
    if (request.query.get('hash') !== hash) return answer;
    const topics = new Set([serviceTopic(agent.node.Node, id)]);
    if ((await store.watchers.wait(topics, deadline, request.signal)) !== 'changed') return answer;
  }
};

const checks: Handler = (core, request) => {
  const filter = filterOf(request, checkSchema);
  const { allowed, headers } = thinned(core, request, core.agent.checks(), ({ ServiceName }) => ServiceName);
  const shown = allowed.map((row) => ({
    ...row,
    ServiceTags: row.ServiceTags ?? [],
    CreateIndex: 0,
    ModifyIndex: 0,
  }));
  return json(
    byKey(shown.filter(filter), ({ CheckID }) => CheckID),
    headers,
  );
};

const registerService: Handler = (core, request) => {
  const body = decodeBody(request, serviceBody);
  if (body.Name === '') throw new HttpError(400, 'Missing service name');
  const identity = serviceIdentity(body.ID, body.Name, body.Address);
  if ('refused' in identity) throw new HttpError(400, identity.refused);
  refuseBadFields(body);
  const fields = [...(body.Checks ?? []), ...(body.Check === undefined ? [] : [body.Check])];
  for (const each of fields) refuseBadCheck(each, "Status for checks must 'passing', 'warning', 'critical'");
  const authorizer = core.acl.resolve(tokenOf(request));
  authorizer.requireWrite('service', body.Name);
  const replaced = core.agent.services.get(identity.id);
  if (replaced !== undefined) authorizer.requireWrite('service', replaced.Service);
  const entry = nodeService({
    ...body,
    ID: identity.id,
    Service: body.Name,
    TaggedAddresses: withOwnAddress(body),
    Weights: body.Weights,
    EnableTagOverride: body.EnableTagOverride || body.enable_tag_override,
  });
  const withIds = fields.map((each, i) => {
    const suffix = fields.length > 1 ? `:${i + 1}` : '';
    const id = each.CheckID || `service:${identity.id}${suffix}`;
    return { row: checkRow(core, each, id, `Service '${body.Name}' check`, entry), runtime: runtimeOf(each) };
  });
  const replace = ['', 'true'].includes(request.query.get('replace-existing-checks') ?? 'false');
  core.agent.addService(entry, withIds, replace);
  return done;
};

function refuseBadFields({ Weights, Meta }: ServiceBody): void {
  if (Weights !== undefined) {
    const { Passing, Warning } = Weights;
    if (Passing < 1) throw new HttpError(400, 'Invalid Weights: Passing must be greater than 0');
    if (Warning < 0) throw new HttpError(400, 'Invalid Weights: Warning must be greater or equal than 0');
    if (Passing > 65_535 || Warning > 65_535) {
      throw new HttpError(400, 'Invalid Weights: DNS Weight must be between 0 and 65535');
    }
  }
  try {
    validateMeta(Meta);
  } catch (thrown) {
    if (thrown instanceof StoreError) throw new HttpError(400, `Invalid Service Meta: ${thrown.message}`);
    throw thrown;
  }
}

function refuseBadCheck(fields: CheckFields, badStatus: string): void {
  const bad = badCheck(fields);
  if (bad !== undefined) throw new HttpError(400, `Invalid check: ${bad}`);
  if (fields.Status !== '' && !statuses.includes(fields.Status)) throw new HttpError(400, badStatus);
}

/** The agent adds the service's own address, when it is an IP, as its tagged address for LAN and WAN. */
function withOwnAddress(body: ServiceBody): Readonly<Record<string, ServiceAddress>> {
  const given = { ...(body.tagged_addresses ?? {}), ...(body.TaggedAddresses ?? {}) };
  const family = body.Address.includes(':')
    ? 'ipv6'
    : /^\d+(\.\d+){3}$/.test(body.Address)
      ? 'ipv4'
      : undefined;
  if (family === undefined) return given;
  const own = { Address: body.Address, Port: body.Port };
  return { [`lan_${family}`]: own, [`wan_${family}`]: own, ...given };
}

function checkRow(
  core: Core,
  fields: CheckFields,
  id: string,
  defaultName: string,
  owner: Unstamped<NodeService> | undefined,
): Unstamped<CheckRow> {
  return {
    Node: core.settings.nodeName,
    CheckID: id,
    Name: fields.Name || defaultName,
    Status: fields.Status || 'critical',
    Notes: fields.Notes,
    Output: '',
    ServiceID: owner?.ID ?? '',
    ServiceName: owner?.Service ?? '',
    ServiceTags: owner?.Tags ?? null,
    Type: runtimeOf(fields).type,
    Interval: fields.Interval === 0 ? '' : formatDuration(fields.Interval),
    Timeout: fields.Timeout === 0 ? '' : formatDuration(fields.Timeout),
    ExposedPort: 0,
    Definition: {},
  };
}

/** The local service, or 404; needs the right to write it. */
function ownService(core: Core, request: ConsulRequest, id: string): Unstamped<NodeService> {
  const authorizer = core.acl.resolve(tokenOf(request));
  const found = core.agent.services.get(id);
  if (found === undefined) {
    const text = `Unknown service ID ${JSON.stringify(id)}. Ensure that the service ID is passed, not the service name.`;
    throw new HttpError(404, text);
  }
  authorizer.requireWrite('service', found.Service);
  return found;
}

const deregisterService: Handler = (core, request, id) => {
  // As Consul 1.8.7 does, which only logs it.
  if (core.settings.version.startsWith('1.8.') && !core.agent.services.has(id)) return done;
  ownService(core, request, id);
  core.agent.removeService(id);
  return done;
};

function enabled({ query }: ConsulRequest): boolean {
  if (!query.has('enable')) throw new HttpError(400, 'Missing value for enable');
  const raw = query.get('enable') ?? '';
  if (/^(1|t|T|true|TRUE|True)$/.test(raw)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(raw)) return false;
  throw new HttpError(400, `Invalid value for enable: ${JSON.stringify(raw)}`);
}

function maintain(
  core: Core,
  request: ConsulRequest,
  id: string,
  name: string,
  owner?: Unstamped<NodeService>,
) {
  const what = owner === undefined ? 'node' : 'service';
  if (!enabled(request)) core.agent.removeCheck(id);
  else if (core.agent.check(id) === undefined) {
    const fallback = `Maintenance mode is enabled for this ${what}, but no reason was provided. This is a default message.`;
    const row: Unstamped<CheckRow> = {
      Node: core.settings.nodeName,
      CheckID: id,
      Name: name,
      Status: 'critical',
      Notes: request.query.get('reason') || fallback,
      Output: '',
      ServiceID: owner?.ID ?? '',
      ServiceName: owner?.Service ?? '',
      ServiceTags: owner?.Tags ?? null,
      Type: 'maintenance',
      Interval: '',
      Timeout: '',
      ExposedPort: 0,
      Definition: {},
    };
    core.agent.addCheck(row, noRuntime);
  }
  return done;
}

const serviceMaintenance: Handler = (core, request, id) => {
  if (id === '') throw new HttpError(400, 'Missing service ID');
  enabled(request);
  const owner = ownService(core, request, id);
  return maintain(core, request, `_service_maintenance:${id}`, 'Service Maintenance Mode', owner);
};

const maintenance: Handler = (core, request) => {
  enabled(request);
  core.acl.resolve(tokenOf(request)).requireWrite('node', core.settings.nodeName);
  return maintain(core, request, nodeMaintenance, 'Node Maintenance Mode');
};

const registerCheck: Handler = (core, request) => {
  const body = decodeBody(request, checkBody);
  if (body.Name === '') throw new HttpError(400, 'Missing check name');
  refuseBadCheck(body, 'Bad check status');
  const serviceId = body.ServiceID || body.service_id;
  const owner = core.agent.services.get(serviceId);
  const authorizer = core.acl.resolve(tokenOf(request));
  if (serviceId !== '' && owner === undefined) {
    throw new HttpError(404, `ServiceID ${JSON.stringify(serviceId)} does not exist`);
  }
  if (owner === undefined) authorizer.requireWrite('node', core.settings.nodeName);
  else authorizer.requireWrite('service', owner.Service);
  core.agent.addCheck(checkRow(core, body, body.ID || body.Name, body.Name, owner), runtimeOf(body));
  return done;
};

/** The local check, or 404; needs the right to write its service or the node. */
function ownCheck(core: Core, request: ConsulRequest, id: string): void {
  const authorizer = core.acl.resolve(tokenOf(request));
  const found = core.agent.check(id);
  if (found === undefined) {
    const text = `Unknown check ID ${JSON.stringify(id)}. Ensure that the check ID is passed, not the check name.`;
    throw new HttpError(404, text);
  }
  if (found.ServiceName === '') authorizer.requireWrite('node', core.settings.nodeName);
  else authorizer.requireWrite('service', found.ServiceName);
}

const deregisterCheck: Handler = (core, request, id) => {
  ownCheck(core, request, id);
  core.agent.removeCheck(id);
  return done;
};

function report(core: Core, request: ConsulRequest, id: string, status: string, output: string) {
  ownCheck(core, request, id);
  if (!core.agent.isTtl(id)) {
    throw new HttpError(500, `CheckID ${JSON.stringify(id)} does not have associated TTL`);
  }
  core.agent.setCheck(id, status, output);
  return done;
}

const reportAs =
  (status: string): Handler =>
  (core, request, id) =>
    report(core, request, id, status, request.query.get('note') ?? '');

const updateCheck: Handler = (core, request, id) => {
  const { Status, Output } = decodeBody(request, checkUpdateBody);
  if (!statuses.includes(Status)) throw new HttpError(400, `Invalid check status: '${Status}'`);
  return report(core, request, id, Status, Output);
};

const self: Handler = (core, request) => {
  core.acl.resolve(tokenOf(request)).requireRead('agent', core.settings.nodeName);
  const { datacenter, nodeName, version } = core.settings;
  return json({
    Config: {
      Datacenter: datacenter,
      PrimaryDatacenter: datacenter,
      NodeName: nodeName,
      NodeID: core.agent.node.ID,
      Revision: '',
      Server: core.isServer,
      Version: version,
      BuildDate: '1970-01-01T00:00:01Z',
      BindAddr: core.agent.node.Address,
    },
    DebugConfig: { ACLsEnabled: core.acl.enabled, TxnMaxReqLen: core.settings.maxTxnBytes },
    Member: { Name: nodeName, Addr: core.agent.node.Address, Status: 1 },
    Meta: core.agent.node.Meta,
  });
};

export const agentRoutes: readonly Route[] = [
  { methods: ['GET'], path: '/v1/agent/self', handler: self, local: true },
  { methods: ['GET'], path: '/v1/agent/services', handler: services, local: true },
  { methods: ['GET'], path: '/v1/agent/service/', handler: service, local: true },
  { methods: ['GET'], path: '/v1/agent/checks', handler: checks, local: true },
  { methods: ['PUT'], path: '/v1/agent/service/register', handler: registerService, local: true },
  { methods: ['PUT'], path: '/v1/agent/service/deregister/', handler: deregisterService, local: true },
  { methods: ['PUT'], path: '/v1/agent/service/maintenance/', handler: serviceMaintenance, local: true },
  { methods: ['PUT'], path: '/v1/agent/maintenance', handler: maintenance, local: true },
  { methods: ['PUT'], path: '/v1/agent/check/register', handler: registerCheck, local: true },
  { methods: ['PUT'], path: '/v1/agent/check/deregister/', handler: deregisterCheck, local: true },
  { methods: ['PUT'], path: '/v1/agent/check/pass/', handler: reportAs('passing'), local: true },
  { methods: ['PUT'], path: '/v1/agent/check/warn/', handler: reportAs('warning'), local: true },
  { methods: ['PUT'], path: '/v1/agent/check/fail/', handler: reportAs('critical'), local: true },
  { methods: ['PUT'], path: '/v1/agent/check/update/', handler: updateCheck, local: true },
];
