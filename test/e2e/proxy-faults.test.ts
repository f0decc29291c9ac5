/** A proxy between the operator and a real Consul that lies for a moment: nothing it said is believed for long. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { HttpTransport } from '../../src/lib/http-transport.ts';
import { HostileProxy, type Weather } from '../support/hostile-proxy.ts';
import { isPassing } from '../support/real/consul-reads.ts';
import { type Stage, startStage } from '../support/real/stage.ts';

let stage: Stage;
let proxy: HostileProxy;
const started = new AsyncDisposableStack();

before(async () => {
  stage = started.use(
    await startStage({
      reachedAt: async ({ url }) => {
        const target = new HttpTransport({ origin: url, connections: 200 });
        started.defer(() => target.close());
        proxy = started.use(await HostileProxy.start({ target }));
        return proxy.url;
      },
    }),
  );
});

after(() => started.disposeAsync());

/** Under `weather`, from when one instance is there until a second one was tried to be written. */
async function spoil(name: string, weather: Weather): Promise<{ all(count: number): Promise<unknown> }> {
  const ns = await stage.namespace(name);
  await ns.addPod('first', { service: name, port: 'http' });
  await stage.allPassing(name, 1);
  proxy.turn(weather);
  await ns.addPod('second', { service: name, port: 'http' });
  await stage.eventually(`${weather} is noticed`, async () => assert.ok(proxy.spoilt >= 2));
  const healthy = await fetch(`${stage.operator.url}/healthz`);
  assert.ok(healthy.ok, 'liveness does not depend on Consul');
  assert.ok((await stage.instances(name)).some(isPassing), 'what is registered stays');
  // What drips goes on dripping: the operator has to end it.
  proxy.turn('fair', { keepOpen: true });
  return { all: (count) => stage.allPassing(name, count) };
}

suite('a proxy that', () => {
  test('asks to be left alone for an hour is left alone for half a minute', async () => {
    // The patience of the stage is three minutes.
    await (await spoil('an-hour', 'an-hour')).all(2);
  });

  test('names a limit that no Consul has is asked again', async () => {
    await (await spoil('tiny', 'tiny-limit')).all(2);
    const ns = stage.known('tiny');
    await ns.deploy({ name: 'many', replicas: 40, annotations: { service: 'many', port: 'http' } });
    await stage.allPassing('many', 40);
  });

  test('lets its answers drip is given up after the time a request may take', async () => {
    await (await spoil('drip', 'drip')).all(2);
  });
});
