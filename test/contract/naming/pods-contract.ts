import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Naming, Pool, type ServiceInstance } from '../../../src/naming/naming.ts';

/** A cluster and a Consul, the operator between them, and consumers beside it. */
export interface PodsWorld extends AsyncDisposable {
  /** A Naming over that Consul. The world closes it. */
  naming(): Naming;
  /** A Ready pod with the container port http 8080. `annotations` are without the prefix. */
  addPod(name: string, annotations: Readonly<Record<string, string>>): Promise<void>;
  setReady(name: string, ready: boolean): Promise<void>;
  deletePod(name: string): Promise<void>;
  /** Tries until `attempt` throws no more. */
  eventually(attempt: () => void | Promise<void>): Promise<void>;
}

const namesOf = (instances: readonly ServiceInstance[]) =>
  instances.map(({ meta }) => meta['kube-pod']).sort();

/** What a consumer gets of pods through Naming, whatever stands between. */
export function podsContract(name: string, open: () => Promise<PodsWorld>): void {
  const withWorld = (use: (world: PodsWorld, naming: Naming) => Promise<void>) => async () => {
    await using world = await open();
    await use(world, world.naming());
  };

  describe(`pods through Naming: ${name}`, () => {
    test(
      'the reference scenario: find one, be told of two, find by tag, lose both',
      withWorld(async (world, naming) => {
        const annotations = (tag: string) => ({ service: 'test', protocol: 'tcp', tags: `${tag},gate` });
        const calls: (string | undefined)[][] = [];
        await world.addPod('test-1', annotations('tab1'));
        await world.eventually(async () => assert.deepEqual(namesOf(await naming.find('test')), ['test-1']));
        await naming.subscribe('test', (instances) => void calls.push(namesOf(instances)));
        await world.addPod('test-2', annotations('tab2'));
        await world.eventually(() => assert.deepEqual(calls, [['test-1', 'test-2']]));
        await naming.unsubscribe('test');
        await world.eventually(async () => {
          assert.deepEqual(namesOf(await naming.find('test', 'gate')), ['test-1', 'test-2']);
          assert.deepEqual(namesOf(await naming.find('test', 'tab2')), ['test-2']);
        });
        await world.deletePod('test-1');
        await world.deletePod('test-2');
        await world.eventually(async () =>
          assert.deepEqual(await naming.find({ service: 'test', states: 'any', maxAgeMs: 0 }), []),
        );
        assert.equal(calls.length, 1, 'nothing is told after unsubscribe()');
      }),
    );

    test(
      'an instance has what the annotations say, the protocol in its meta',
      withWorld(async (world, naming) => {
        await world.addPod('chat-1', {
          service: 'chat',
          port: 'http',
          protocol: 'ws',
          tags: 'gate,eu',
          'meta.team': 'talk',
          weight: '7',
        });
        await world.eventually(async () => assert.equal((await naming.find('chat')).length, 1));
        const [instance] = await naming.find('chat');
        assert.ok(instance);
        const { port, protocol, tags, meta, state, weight } = instance;
        assert.deepEqual(
          { port, protocol, tags, state, weight },
          { port: 8080, protocol: 'ws', tags: ['eu', 'gate'], state: 'passing', weight: 7 },
        );
        assert.deepEqual([meta['protocol'], meta['team'], meta['kube-pod']], ['ws', 'talk', 'chat-1']);
        await world.deletePod('chat-1');
      }),
    );

    test(
      'a subscriber is told when a pod stops being ready, is ready again, and ends',
      withWorld(async (world, naming) => {
        const calls: (string | undefined)[][] = [];
        const last = () => calls.at(-1);
        await world.addPod('shy-1', { service: 'shy', protocol: 'grpc' });
        await world.addPod('shy-2', { service: 'shy', protocol: 'grpc' });
        await world.eventually(async () => assert.equal((await naming.find('shy')).length, 2));
        await naming.subscribe('shy', (instances) => void calls.push(namesOf(instances)));
        await world.setReady('shy-1', false);
        await world.eventually(() => assert.deepEqual(last(), ['shy-2']));
        const [critical] = await naming.find({ service: 'shy', states: ['critical'], maxAgeMs: 0 });
        assert.deepEqual([critical?.meta['kube-pod'], critical?.protocol], ['shy-1', 'grpc']);
        await world.setReady('shy-1', true);
        await world.eventually(() => assert.deepEqual(last(), ['shy-1', 'shy-2']));
        await world.deletePod('shy-2');
        await world.eventually(() => assert.deepEqual(last(), ['shy-1']));
        await world.deletePod('shy-1');
        await world.eventually(() => assert.deepEqual(last(), []));
      }),
    );

    test(
      'a Pool calls the pods it finds adult and those that come later young, and in maintenance nobody is',
      withWorld(async (world, naming) => {
        await world.addPod('lake-1', { service: 'lake' });
        await world.addPod('lake-2', { service: 'lake', maintenance: 'a look inside' });
        await world.eventually(async () => {
          const all = await naming.find({ service: 'lake', states: 'any', maxAgeMs: 0 });
          assert.deepEqual(all.map(({ meta, state }) => [meta['kube-pod'], state]).sort(), [
            ['lake-1', 'passing'],
            ['lake-2', 'maintenance'],
          ]);
        });
        await using pool = await Pool.open(naming, 'lake', { youngMs: 3_600_000 });
        await world.addPod('lake-3', { service: 'lake' });
        await world.eventually(() => assert.deepEqual(namesOf(pool.young), ['lake-3']));
        assert.deepEqual(namesOf(pool.adults), ['lake-1']);
        for (const pod of ['lake-1', 'lake-2', 'lake-3']) await world.deletePod(pod);
        await world.eventually(() => assert.deepEqual(pool.members, []));
      }),
    );
  });
}
