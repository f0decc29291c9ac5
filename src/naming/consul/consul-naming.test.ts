import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { entry, healthy, queryOf, ScriptedConsul } from '../../../test/contract/naming/scripted-consul.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { ConsulServer } from '../../sandbox/consul/consul-server.ts';
import { ConsulNaming, type ConsulNamingOptions } from './consul-naming.ts';

let clock: VirtualClock;
let consul: ScriptedConsul;
let naming: ConsulNaming;

const open = (options: ConsulNamingOptions = {}) =>
  new ConsulNaming({ transport: () => consul, clock, random: () => 0.5, ...options });
const idsOf = (instances: readonly { id: string }[]) => instances.map(({ id }) => id);
/** Headers of an answer from the agent's cache. */
const hit = (index: number, age: number, backend: string) => ({
  'x-cache': 'HIT',
  age: String(age),
  'x-consul-index': String(index),
  'x-consul-knownleader': String(backend !== 'streaming'),
  'x-consul-query-backend': backend,
});

beforeEach(() => {
  clock = new VirtualClock();
  consul = new ScriptedConsul();
  naming = open();
});

afterEach(async () => {
  await naming.close();
  assert.equal(clock.pending, 0, 'timers left behind');
});

describe('register()', () => {
  const web = { id: 'web/1', name: 'web', address: '10.0.0.1', port: 80 };

  test('puts the registration to the agent, replacing earlier checks', async () => {
    consul.handler = ({ answer }) => void answer({ body: '' });
    await naming.register({ ...web, protocol: 'ws', tags: ['x'], meta: { zone: '1' }, weight: 5 });
    const [request] = consul.requests;
    assert.equal(request?.method, 'PUT');
    assert.equal(request.path, '/v1/agent/service/register?replace-existing-checks=true');
    assert.deepEqual(JSON.parse(request.body ?? ''), {
      ID: 'web/1',
      Name: 'web',
      Address: '10.0.0.1',
      Port: 80,
      Tags: ['x'],
      Meta: { zone: '1', protocol: 'ws' },
      Weights: { Passing: 5, Warning: 5 },
    });
  });

  test('makes an HTTP check of a health_url', async () => {
    consul.handler = ({ answer }) => void answer({ body: '' });
    await naming.register({ ...web, meta: { health_url: 'http://10.0.0.1/health' } });
    assert.deepEqual(JSON.parse(consul.requests[0]?.body ?? '').Check, {
      CheckID: 'web/1_normal',
      Name: 'web/1_normal',
      HTTP: 'http://10.0.0.1/health',
      Interval: '10s',
      Timeout: '1s',
      DeregisterCriticalServiceAfter: '20s',
    });
  });

  test('sends the token of the moment, namespace and partition', async () => {
    let token = 'first';
    naming = open({ token: () => token, namespace: 'team a', partition: 'p', datacenter: 'east' });
    consul.handler = ({ request, answer }) => void answer({ body: request.method === 'GET' ? [] : '' });
    await naming.deregister('web/1');
    token = 'second';
    await naming.find('web');
    assert.deepEqual(
      consul.requests.map(({ headers }) => headers?.['x-consul-token']),
      ['first', 'first', 'second'],
    );
    assert.deepEqual(
      consul.requests.slice(0, 2).map(({ method, path }) => `${method} ${path}`),
      [
        'GET /v1/agent/service/web%2F1?ns=team%20a&partition=p',
        'PUT /v1/agent/service/deregister/web%2F1?ns=team%20a&partition=p',
      ],
    );
    assert.deepEqual(queryOf(consul.requests[2]!), {
      dc: 'east',
      passing: 'true',
      cached: '',
      ns: 'team a',
      partition: 'p',
    });
  });

  test('goes to the home agent only, whichever address reads come from', async () => {
    const second = new ScriptedConsul();
    naming = open({
      addresses: ['http://home', 'http://other'],
      transport: (address) => (address === 'http://home' ? consul : second),
    });
    consul.handler = ({ fail }) => void fail(new RegistrarError('unreachable', 'ECONNREFUSED'));
    second.handler = ({ answer }) => void answer(healthy(7, 'a'));
    assert.deepEqual(idsOf(await naming.find('web')), ['a']);
    await assert.rejects(naming.register(web), { code: 'unavailable', message: /"web\/1".*ECONNREFUSED/ });
    assert.ok(second.requests.every(({ method }) => method === 'GET'));
  });
});

describe('errors', () => {
  const cases = [
    [400, 'invalid'],
    [401, 'denied'],
    [403, 'denied'],
    [404, 'not-found'],
    [429, 'unavailable'],
    [500, 'unavailable'],
    [503, 'unavailable'],
  ] as const;
  for (const [status, code] of cases) {
    test(`status ${status} is ${code}, with what Consul said`, async () => {
      consul.handler = ({ answer }) => void answer({ status, body: 'because' });
      await assert.rejects(naming.deregister('a'), { name: 'NamingError', code, message: /"a".*because/ });
    });
  }

  test('an answer of the wrong shape is unavailable: what was asked, where it is wrong, and what came', async () => {
    const whole = healthy(7, 'a').body[0]!;
    const body = [{ ...whole, Service: { ...whole.Service, Port: '80' } }];
    consul.handler = ({ answer }) => void answer({ ...healthy(7, 'a'), body });
    await assert.rejects(naming.find({ service: 'web', maxAgeMs: 0 }), {
      name: 'NamingError',
      code: 'unavailable',
      message:
        'reading the instances of "web": the answer[0].Service.Port: expected a whole number, got a string',
    });
  });

  test('a token function that throws is unavailable, with what it threw', async () => {
    naming = open({
      token: () => {
        throw new TypeError('vault is sealed');
      },
    });
    const refused = { name: 'NamingError', code: 'unavailable', message: /vault is sealed/ };
    await assert.rejects(naming.register({ id: 'a', name: 'web', address: '10.0.0.1', port: 80 }), refused);
    await assert.rejects(naming.deregister('a'), refused);
    await assert.rejects(naming.find('web'), refused);
  });

  test('deregister() of an unknown id is not-found with Consul 1.8, too, which answers 200', async () => {
    const old = new ConsulServer({ clock, random: () => 0.5, version: '1.8.7' });
    naming = open({ transport: () => old.transport() });
    await assert.rejects(naming.deregister('nobody'), {
      name: 'NamingError',
      code: 'not-found',
      message: /"nobody"/,
    });
    await naming.register({ id: 'a', name: 'web', address: '10.0.0.1', port: 80 });
    await naming.deregister('a');
    await assert.rejects(naming.deregister('a'), { code: 'not-found' });
    await naming.close();
    old[Symbol.dispose]();
  });

  test('no answer within 10 s is unavailable', async () => {
    const call = naming.find({ service: 'web', maxAgeMs: 0 });
    const rejected = assert.rejects(call, { code: 'unavailable', message: /10000 ms/ });
    await clock.advance(10_000);
    await rejected;
  });

  test('a signal ends the call at once', async () => {
    const abort = new AbortController();
    const rejected = assert.rejects(naming.find({ service: 'web', signal: abort.signal }), {
      code: 'aborted',
    });
    await clock.settle();
    abort.abort();
    await rejected;
    assert.equal(consul.open.length, 0);
  });

  test('close() ends a call in flight with closed', async () => {
    const rejected = assert.rejects(naming.find('web'), { code: 'closed' });
    await clock.settle();
    await naming.close();
    await rejected;
    assert.ok(consul.isClosed);
  });

  test('options that cannot work are refused', () => {
    assert.throws(() => new ConsulNaming({ addresses: [] }), { code: 'invalid' });
    assert.throws(() => new ConsulNaming({ maxWatches: 0 }), { code: 'invalid' });
  });

  test('an address that can never answer is refused at once, with what is wrong with it', () => {
    const refused = (address: string, message: RegExp) =>
      assert.throws(() => new ConsulNaming({ addresses: [address] }), { code: 'invalid', message });
    refused('', /address "" is not a URL/);
    refused('ftp://consul', /address "ftp:\/\/consul" .* http:\/\/host:port/);
    refused('unix:///run/consul.sock', /is not a URL/);
    refused('http://consul:8500/ui', /has a path, query or fragment; write only "http:\/\/consul:8500"/);
    refused('http://user:secret@consul', /^an address carries a user or password; use `token`$/);
  });

  test('an address without a scheme, as in CONSUL_HTTP_ADDR, means http', async () => {
    const asked: string[] = [];
    await using _naming = new ConsulNaming({
      addresses: ['127.0.0.1:8500', 'consul', 'HTTPS://consul.example:8501/'],
      transport: (address) => {
        asked.push(address);
        return new ScriptedConsul();
      },
    });
    assert.deepEqual(asked, ['http://127.0.0.1:8500', 'http://consul', 'https://consul.example:8501']);
  });
});

describe('find()', () => {
  test('separates the states, with the weight each has in its state', async () => {
    const weights = { Passing: 10, Warning: 3 };
    const check = (CheckID: string, Status: string) => ({ CheckID, Status });
    consul.handler = ({ answer }) =>
      void answer({
        body: [
          entry('critical', { weights, checks: [check('x', 'warning'), check('y', 'critical')] }),
          entry('node', { weights, checks: [check('_node_maintenance', 'critical')] }),
          entry('passing', { weights, checks: [check('x', 'passing')] }),
          entry('service', { weights, checks: [check('_service_maintenance:service', 'critical')] }),
          entry('unchecked', { weights }),
          entry('warning', { weights, checks: [check('x', 'warning'), check('y', 'passing')] }),
        ],
      });
    const found = await naming.find({ service: 'web', states: 'any' });
    assert.deepEqual(
      found.map(({ id, state, weight }) => `${id} ${state} ${weight}`),
      [
        'critical critical 0',
        'node maintenance 0',
        'passing passing 10',
        'service maintenance 0',
        'unchecked passing 10',
        'warning warning 3',
      ],
    );
  });

  test("an instance without an address is at its node's", async () => {
    consul.handler = ({ answer }) => void answer({ body: [entry('a', { address: '' })] });
    assert.equal((await naming.find('web'))[0]?.address, '10.0.0.9');
  });

  test('asks for passing ones only when only they are wanted', async () => {
    consul.handler = ({ answer }) => void answer(healthy(7));
    await naming.find('web');
    await naming.find({ service: 'web', states: ['warning', 'passing'] });
    assert.deepEqual(
      consul.requests.map((request) => 'passing' in queryOf(request)),
      [true, false],
    );
  });

  test("asks for the agent's cache and says how old is too old", async () => {
    consul.handler = ({ answer }) => void answer(healthy(7));
    await naming.find('web');
    await naming.find({ service: 'web', maxAgeMs: 5_000 });
    await naming.find({ service: 'web', maxAgeMs: 0 });
    assert.deepEqual(
      consul.requests.map((request) => ['cached' in queryOf(request), request.headers?.['cache-control']]),
      [
        [true, 'max-age=60'],
        [true, 'max-age=5'],
        [false, undefined],
      ],
    );
  });

  test('asks the servers when the cached answer is older than allowed', async () => {
    consul.handler = ({ request, answer }) =>
      void answer(
        'cached' in queryOf(request)
          ? { ...healthy(7, 'old'), headers: hit(7, 61, 'blocking-query') }
          : healthy(9, 'new'),
      );
    assert.deepEqual(idsOf(await naming.find('web')), ['new']);
    assert.deepEqual(idsOf(await naming.find({ service: 'web', maxAgeMs: 120_000 })), ['old']);
  });

  test('asks the servers when the cache does not answer within a second', async () => {
    const finding = naming.find('web');
    await clock.advance(1_000);
    assert.equal('cached' in consul.query, false);
    consul.only.answer(healthy(7, 'a'));
    assert.deepEqual(idsOf(await finding), ['a']);
  });

  test('a streaming cache that does not know its age is accepted for a minute after an answer of the servers', async () => {
    let isCutOff = false;
    consul.handler = ({ request, answer }) => {
      if ('cached' in queryOf(request)) answer({ ...healthy(7, 'a'), headers: hit(7, 0, 'streaming') });
      else if (isCutOff) answer({ status: 500, body: 'No known Consul servers' });
      else answer(healthy(7, 'a'));
    };
    await naming.find('web');
    assert.equal(consul.requests.length, 2, 'nothing proves the first answer');
    isCutOff = true;
    await clock.advance(60_000);
    assert.deepEqual(idsOf(await naming.find('web')), ['a']);
    assert.equal(consul.requests.length, 3);
    await clock.advance(1);
    await assert.rejects(naming.find('web'), { code: 'unavailable' });
  });

  test('a streaming cache behind what the servers said is not believed', async () => {
    consul.handler = ({ request, answer }) =>
      void answer(
        'cached' in queryOf(request)
          ? { ...healthy(7, 'old'), headers: hit(7, 0, 'streaming') }
          : healthy(9, 'new'),
      );
    assert.deepEqual(idsOf(await naming.find('web')), ['new']);
    assert.deepEqual(idsOf(await naming.find('web')), ['new']);
  });

  test('a streaming cache is believed empty only after the servers have said so', async () => {
    let fromServers: ReturnType<typeof healthy> = healthy(7, 'a');
    consul.handler = ({ request, answer }) =>
      void answer(
        'cached' in queryOf(request) ? { ...healthy(7), headers: hit(9, 0, 'streaming') } : fromServers,
      );
    assert.deepEqual(idsOf(await naming.find('web')), ['a']);
    assert.deepEqual(idsOf(await naming.find('web')), ['a']);
    fromServers = healthy(9);
    assert.deepEqual(await naming.find('web'), []);
    assert.equal(consul.requests.length, 6);
    assert.deepEqual(await naming.find('web'), []);
    assert.equal(consul.requests.length, 7);
  });

  test('does not take a missing leader, or a list emptied by ACLs, for an empty service', async () => {
    consul.handler = ({ answer }) => void answer({ headers: { 'x-consul-knownleader': 'false' }, body: [] });
    await assert.rejects(naming.find('web'), { code: 'unavailable' });
    consul.handler = ({ answer }) =>
      void answer({ headers: { 'x-consul-results-filtered-by-acls': 'true' }, body: [] });
    await assert.rejects(naming.find('web'), { code: 'denied' });
  });

  test('asks the other addresses when one is away, and stays with the one that answers', async () => {
    const away = new ScriptedConsul();
    away.handler = ({ fail }) => void fail(new RegistrarError('unreachable', 'ECONNREFUSED'));
    consul.handler = ({ answer }) => void answer(healthy(7, 'a'));
    naming = open({
      addresses: ['http://away', 'http://here'],
      transport: (address) => (address === 'http://away' ? away : consul),
    });
    assert.deepEqual(idsOf(await naming.find('web')), ['a']);
    await naming.find('web');
    assert.equal(away.requests.length, 1);
    consul.handler = ({ fail }) => void fail(new RegistrarError('unreachable', 'ECONNREFUSED'));
    await assert.rejects(naming.find('web'), { code: 'unavailable' });
  });
});
