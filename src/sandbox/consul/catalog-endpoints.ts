import {
  type NodeServices,
  readNodeServices,
  readNodes,
  readServiceNodes,
  readServices,
} from './catalog-reads.ts';
import { deregister, register } from './catalog-registration.ts';
import type { Core, Handler, Route } from './core.ts';
import { nodeSchema, serviceNodeSchema, serviceSchema } from './filter-schemas.ts';
import { type ConsulRequest, HttpError, json } from './http.ts';
import { readCatalog } from './read-endpoint.ts';

const nodes: Handler = async (core, request) => {
  const { value, headers } = await readCatalog(core, request, nodeSchema, readNodes);
  return json(value, headers);
};

const services: Handler = async (core, request) => {
  const { value, headers } = await readCatalog(core, request, serviceNodeSchema, readServices);
  return json(value, headers);
};

const service: Handler = async (core, request, name) => {
  if (name === '') throw new HttpError(400, 'Missing service name');
  const tags = request.query.getAll('tag');
  const { value, headers } = await readCatalog(core, request, serviceNodeSchema, (context) =>
    readServiceNodes(context, name, tags),
  );
  return json(value, headers);
};

function nodeServices(core: Core, request: ConsulRequest, name: string, byId: boolean) {
  if (name === '') throw new HttpError(400, 'Missing node name');
  return readCatalog(core, request, serviceSchema, (context) => readNodeServices(context, name, byId));
}

const withTags = ({ services }: NodeServices) =>
  services.map((entry) => ({ ...entry, Tags: entry.Tags ?? [] }));

const node: Handler = async (core, request, name) => {
  const { value, headers } = await nodeServices(core, request, name, true);
  if (value === undefined) return json(null, headers);
  const byId = Object.fromEntries(withTags(value).map((entry) => [entry.ID, entry]));
  return json({ Node: value.node, Services: byId }, headers);
};

const nodeServiceList: Handler = async (core, request, name) => {
  const { value, headers } = await nodeServices(core, request, name, false);
  if (value === undefined) return json({ Node: null, Services: null }, headers);
  const list = withTags(value);
  return json({ Node: value.node, Services: list.length === 0 ? null : list }, headers);
};

const datacenters: Handler = (core) => json([core.settings.datacenter]);

export const catalogRoutes: readonly Route[] = [
  { methods: ['PUT'], path: '/v1/catalog/register', handler: register },
  { methods: ['PUT'], path: '/v1/catalog/deregister', handler: deregister },
  { methods: ['GET'], path: '/v1/catalog/nodes', handler: nodes },
  { methods: ['GET'], path: '/v1/catalog/services', handler: services },
  { methods: ['GET'], path: '/v1/catalog/service/', handler: service },
  { methods: ['GET'], path: '/v1/catalog/node/', handler: node },
  { methods: ['GET'], path: '/v1/catalog/node-services/', handler: nodeServiceList },
  { methods: ['GET'], path: '/v1/catalog/datacenters', handler: datacenters },
];
