import { inParallel } from '../../src/lib/in-parallel.ts';
import { eventually } from '../support/eventually.ts';
import type { Consumer } from './consumer.ts';
import { json, now } from './json-request.ts';

type CheckAnswer = Record<string, unknown> & { readonly ServiceID: string };

/** Service and node of the same content as the operator's, without the operator. */
export const bareName = (name: string): string => `bare-${name}`;

/** Operations a transaction holds at most. */
const mostOperations = 128;

/** Bodies of transactions; those of the nodes come first. */
interface BareTransactions {
  readonly nodes: readonly string[];
  readonly instances: readonly string[];
}

/** Writes everything the operator has registered once more, on nodes of another name; how long that took, s. */
export async function registerTwins(consul: string): Promise<number> {
  const bodies = await bareTransactions(consul);
  const begun = now();
  for (const some of [bodies.nodes, bodies.instances]) {
    await inParallel(some, 4, (body) => json(consul, '/v1/txn', { method: 'PUT', body }));
  }
  return (now() - begun) / 1_000;
}

async function bareTransactions(consul: string): Promise<BareTransactions> {
  const { value: listed } = await json<{ Node: string; Address: string; Meta: object }[]>(
    consul,
    '/v1/catalog/nodes?node-meta=managed-by:kube-registrar',
  );
  const nodes: object[][] = [];
  const instances: object[][] = [];
  await inParallel(listed, 8, async ({ Node, Address }) => {
    nodes.push([{ Node: { Verb: 'set', Node: { Node: bareName(Node), Address } } }]);
    const [services, checks] = await Promise.all([
      json<{ Services: { ID: string; Service: string }[] }>(consul, `/v1/catalog/node-services/${Node}`),
      json<CheckAnswer[]>(consul, `/v1/health/node/${Node}`),
    ]);
    for (const { Service, ...rest } of services.value.Services) {
      const name = bareName(Service);
      const entry = { ...rest, Service: name, CreateIndex: undefined, ModifyIndex: undefined };
      const check = checks.value.find(({ ServiceID }) => ServiceID === rest.ID);
      instances.push([
        { Service: { Verb: 'set', Node: bareName(Node), Service: entry } },
        setCheck(check, { Node: bareName(Node), ServiceName: name }),
      ]);
    }
  });
  return { nodes: bodiesOf(nodes), instances: bodiesOf(instances) };
}

function bodiesOf(groups: readonly (readonly object[])[]): string[] {
  const bodies: string[] = [];
  const batch: object[] = [];
  for (const group of groups) {
    if (batch.length + group.length > mostOperations) bodies.push(JSON.stringify(batch.splice(0)));
    batch.push(...group);
  }
  bodies.push(JSON.stringify(batch));
  return bodies;
}

/**
 * One transaction that changes a status, seen by the consumer of its service: how long that took, ms. Tried again
 * while Consul has no leader.
 */
export async function bareChange(
  { consul, service, address, status }: Readonly<Record<'consul' | 'service' | 'address' | 'status', string>>,
  consumer: Consumer,
): Promise<number> {
  const { value } = await json<
    { readonly Service: { ID: string; Address: string }; readonly Checks: CheckAnswer[] }[]
  >(consul, `/v1/health/service/${bareName(service)}?stale`);
  const found = value.find(({ Service }) => Service.Address === address);
  const check = found?.Checks.find(({ ServiceID }) => ServiceID === found.Service.ID);
  const body = JSON.stringify([setCheck(check, { Status: status })]);
  const seen = consumer.see(address, status);
  const at = now();
  await eventually(() => json(consul, '/v1/txn', { method: 'PUT', body }), { intervalMs: 20 });
  return (await seen) - at;
}

/** What a transaction may say of a check; a reading says more. */
function setCheck(check: CheckAnswer | undefined, changes: object): object {
  const fields = ['Node', 'CheckID', 'Name', 'Status', 'Notes', 'Output', 'ServiceID', 'ServiceName', 'Type'];
  const kept = Object.fromEntries(fields.map((field) => [field, check?.[field]]));
  return { Check: { Verb: 'set', Check: { ...kept, ...changes } } };
}
