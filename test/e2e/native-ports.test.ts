/**
 * What Consul does with `Ports` of a service (1.22), on each path that can write one: why they are not offered, see
 * docs/rules.md. A version that behaves otherwise fails here, and the decision has to be made again.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { HttpError } from '../support/real/http.ts';

let consul: Consul;

before(async () => {
  consul = await startConsul();
});

after(() => consul?.stop());

const named = [
  { Name: 'http', Port: 8080, Default: true },
  { Name: 'admin', Port: 9090 },
];
const node = { Node: 'n1', Address: '192.0.2.1' };
const service = (ID: string, more: object) => ({ ID, Service: ID, Address: '10.0.0.1', ...more });

interface Stored {
  readonly Port?: number;
  readonly Ports?: readonly { readonly Name: string; readonly Port: number; readonly Default?: boolean }[];
}

/** `accepted`, or the status and words of the refusal. */
async function outcome(written: Promise<unknown>): Promise<string> {
  try {
    await written;
    return 'accepted';
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return `${error.status} ${error.body.replaceAll(/\s+/g, ' ').trim()}`;
  }
}

const catalogRegister = (ID: string, more: object, query = '') =>
  outcome(consul.api.put(`/v1/catalog/register${query}`, { ...node, Service: service(ID, more) }));
const agentRegister = (ID: string, { Ports, Port }: { Ports?: object; Port?: number }) =>
  outcome(consul.api.put('/v1/agent/service/register', { ID, Name: ID, Address: '10.0.0.1', Ports, Port }));
const transaction = (ID: string, more: object) =>
  outcome(
    consul.api.put('/v1/txn', [
      { Node: { Verb: 'set', Node: node } },
      { Service: { Verb: 'set', Node: 'n1', Service: service(ID, more) } },
    ]),
  );

/** As the server keeps it. */
async function stored(ID: string): Promise<Stored | undefined> {
  const { Services } = await consul.api.get<{ Services: Record<string, Stored> }>(
    '/v1/catalog/node/n1?consistent',
  );
  return Services[ID];
}

const portsOf = (entry: Stored | undefined): string[] | undefined =>
  entry?.Ports?.map(({ Name, Port, Default }) => `${Name}:${Port}${Default === true ? ' default' : ''}`);
const both = ['http:8080 default', 'admin:9090'];

suite('Ports of a service', () => {
  test('catalog/register keeps them without Port, and answers with the default as Port', async () => {
    assert.equal(await catalogRegister('kept', { Ports: named }), 'accepted');
    assert.deepEqual(portsOf(await stored('kept')), both);
    const [entry] = await consul.api.get<{ Service: Stored }[]>('/v1/health/service/kept?consistent');
    assert.deepEqual([entry?.Service.Port, portsOf(entry?.Service)], [8080, both]);
    const [listed] = await consul.api.get<{ ServicePort: number }[]>('/v1/catalog/service/kept?consistent');
    assert.equal(listed?.ServicePort, 8080);
  });

  test('no path that keeps them takes Port beside them, whatever the default is', async () => {
    const withDefault = { Port: 8080, Ports: named };
    const onlyDefault = { Port: 8080, Ports: [named[0]!] };
    const otherDefault = { Port: 9090, Ports: named };
    for (const more of [withDefault, onlyDefault, otherDefault]) {
      assert.match(await catalogRegister('beside', more), /^[45]00 .*Cannot set both Port and Ports/);
      assert.match(await agentRegister('beside', more), /^[45]00 .*(?:both Port and Ports|Port and Ports)/i);
    }
    assert.equal(await stored('beside'), undefined);
  });

  test('one of them has to be the default, also where there is only one', async () => {
    for (const Ports of [[{ Name: 'http', Port: 8080 }], named.map(({ Name, Port }) => ({ Name, Port }))]) {
      assert.match(await catalogRegister('without', { Ports }), /^[45]00 .*must be marked as Default/);
      assert.match(await agentRegister('without', { Ports }), /^[45]00 .*must be marked as Default/);
    }
  });

  test('an agent keeps them', async () => {
    assert.equal(await agentRegister('of-agent', { Ports: named }), 'accepted');
    const own = await consul.api.get<Stored>('/v1/agent/service/of-agent');
    assert.deepEqual(portsOf(own), both);
  });

  test('a transaction takes them and drops them, with Port and without', async () => {
    assert.equal(await transaction('in-txn', { Ports: named }), 'accepted');
    assert.deepEqual([(await stored('in-txn'))?.Port ?? 0, portsOf(await stored('in-txn'))], [0, undefined]);
    assert.equal(await transaction('both-in-txn', { Port: 8080, Ports: named }), 'accepted');
    assert.deepEqual(
      [(await stored('both-in-txn'))?.Port, portsOf(await stored('both-in-txn'))],
      [8080, undefined],
    );
  });

  test('a transaction that writes the instance later erases them', async () => {
    assert.equal(await catalogRegister('erased', { Ports: named }), 'accepted');
    assert.equal(await transaction('erased', { Ports: named, Tags: ['new'] }), 'accepted');
    assert.equal(portsOf(await stored('erased')), undefined);
  });

  test('catalog/register takes no condition, so nothing keeps a late write of a former leader out', async () => {
    await transaction('removed', { Port: 8080 });
    const deletion = [
      { Service: { Verb: 'delete', Node: 'n1', Service: { ID: 'removed', Service: 'removed' } } },
    ];
    await consul.api.put('/v1/txn', deletion);
    assert.equal(await stored('removed'), undefined);
    // A lock that is lost, and an index that has passed: neither is looked at.
    const query = '?cas=1&acquire=00000000-0000-0000-0000-000000000000';
    assert.equal(await catalogRegister('removed', { Ports: named }, query), 'accepted');
    const checks = await consul.api.get<{ Checks: unknown[] }[]>(
      '/v1/health/service/removed?passing&consistent',
    );
    assert.equal(checks.length, 1, 'it is back, and passes: it has no check');
  });
});
