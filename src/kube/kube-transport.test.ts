import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answer, ScriptedTransport, StreamingAnswer } from '../../test/support/scripted-transport.ts';
import type { HttpTransportOptions } from '../lib/http-transport.ts';
import { readText } from '../lib/transport.ts';
import type { Credentials } from './credentials.ts';
import { KubeTransport } from './kube-transport.ts';

class Generation extends ScriptedTransport {
  readonly options: HttpTransportOptions;
  closed = false;

  constructor(options: HttpTransportOptions) {
    super();
    this.options = options;
  }

  override async close() {
    this.closed = true;
  }
}

function setup(script: (generation: Generation, index: number) => void = () => {}) {
  const generations: Generation[] = [];
  const source = {
    name: 'test',
    namespace: 'default',
    refreshes: 0,
    current: credentials('one'),
    refreshed: undefined as Credentials | undefined,
    reads: 0,
    async read() {
      source.reads += 1;
      return source.current;
    },
    async refresh() {
      source.refreshes += 1;
      source.current = source.refreshed ?? source.current;
    },
  };
  const transport = new KubeTransport({
    source,
    userAgent: 'kube-registrar/test',
    open(options) {
      const generation = new Generation(options);
      script(generation, generations.length);
      generations.push(generation);
      return generation;
    },
  });
  return { transport, generations, source };
}

const credentials = (token: string, ca = 'ca one'): Credentials => ({
  origin: 'https://server',
  basePath: '/k8s/clusters/c1',
  tls: { ca },
  headers: { authorization: `Bearer ${token}` },
});

const get = (path: string, signal = new AbortController().signal) => ({
  method: 'GET' as const,
  path,
  signal,
});

describe('KubeTransport', () => {
  test('adds base path, token, User-Agent and Accept-Encoding: identity to every request', async () => {
    const { transport, generations } = setup((generation) => generation.script(answer({})));
    await readText(await transport.request({ ...get('/version'), headers: { accept: 'application/json' } }));
    assert.equal(generations[0]?.requests[0]?.path, '/k8s/clusters/c1/version');
    assert.deepEqual(generations[0]?.requests[0]?.headers, {
      accept: 'application/json',
      'accept-encoding': 'identity',
      authorization: 'Bearer one',
      'user-agent': 'kube-registrar/test',
    });
  });

  test('reads the credentials for every request, and keeps the connections while TLS stays the same', async () => {
    const { transport, generations, source } = setup((generation) =>
      generation.script(answer({}), answer({})),
    );
    await readText(await transport.request(get('/a')));
    source.current = credentials('two');
    await readText(await transport.request(get('/b')));
    assert.equal(generations.length, 1);
    assert.deepEqual(
      generations[0]?.requests.map(({ headers }) => headers?.['authorization']),
      ['Bearer one', 'Bearer two'],
    );
  });

  test('opens new connections when the bytes of the CA change; a running watch ends on the old ones', async () => {
    const watch = new StreamingAnswer();
    const { transport, generations, source } = setup((generation, index) =>
      generation.script(index === 0 ? watch.respond : answer({})),
    );
    const watching = await transport.request(get('/watch'));
    const body = watching.body[Symbol.asyncIterator]();
    watch.writeText('one');
    await body.next();
    source.current = credentials('one', 'ca two');
    await readText(await transport.request(get('/b')));
    assert.deepEqual(
      generations.map(({ options }) => options.tls?.ca),
      ['ca one', 'ca two'],
    );
    assert.equal(generations[0]?.closed, false);
    watch.writeText('two');
    assert.equal(String((await body.next()).value), 'two');
    watch.end();
    await body.next();
    assert.equal(generations[0]?.closed, true);
    assert.equal(generations[1]?.closed, false);
  });

  test('idle old connections are closed at once', async () => {
    const { transport, generations, source } = setup((generation) => generation.script(answer({})));
    await readText(await transport.request(get('/a')));
    source.current = credentials('one', 'ca two');
    await readText(await transport.request(get('/b')));
    assert.equal(generations[0]?.closed, true);
  });

  test('has room for more watches than any namespaced mode needs', async () => {
    const { transport, generations } = setup((generation) => generation.script(answer({})));
    await transport.request(get('/a'));
    assert.equal(generations[0]?.options.connections, 1_024);
  });

  test('a 401 forces the credentials to be read from scratch and repeats the request with new ones', async () => {
    const { transport, generations, source } = setup((generation) =>
      generation.script(answer({}, 401), answer({ ok: true })),
    );
    source.refreshed = credentials('two');
    const response = await transport.request(get('/a'));
    assert.equal(response.status, 200);
    assert.equal(source.refreshes, 1);
    assert.equal(generations[0]?.requests[1]?.headers?.['authorization'], 'Bearer two');
  });

  test('a 401 is the answer when the credentials stay the same', async () => {
    const { transport, generations, source } = setup((generation) =>
      generation.script(answer({ reason: 'Unauthorized' }, 401)),
    );
    const response = await transport.request(get('/a'));
    assert.equal(response.status, 401);
    assert.match(await readText(response), /Unauthorized/);
    assert.equal(source.refreshes, 1);
    assert.equal(generations[0]?.requests.length, 1);
  });

  test('a second 401 is the answer: nothing is repeated twice', async () => {
    const { transport, source } = setup((generation) => generation.script(answer({}, 401), answer({}, 401)));
    source.refreshed = credentials('two');
    assert.equal((await transport.request(get('/a'))).status, 401);
    assert.equal(source.refreshes, 1);
  });

  test('requests refused together refresh the credentials once', async () => {
    const { transport, source } = setup((generation) => generation.script(...Array(3).fill(answer({}, 401))));
    await Promise.all([get('/a'), get('/b'), get('/c')].map((request) => transport.request(request)));
    assert.equal(source.refreshes, 1);
  });

  test('an abort ends the wait for credentials', async () => {
    const { transport, source } = setup();
    source.read = () => new Promise<Credentials>(() => {});
    const abort = new AbortController();
    const request = transport.request(get('/a', abort.signal));
    abort.abort();
    await assert.rejects(request, { code: 'aborted' });
  });

  test('close() closes what is open', async () => {
    const { transport, generations } = setup((generation) => generation.script(answer({})));
    await transport.request(get('/a'));
    await transport.close();
    assert.equal(generations[0]?.closed, true);
  });
});
