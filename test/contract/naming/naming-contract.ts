import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HealthState, InstanceDiff, Naming, Registration, Report } from '../../../src/naming/naming.ts';

/** One registry under test. */
export interface NamingWorld extends AsyncDisposable {
  /** A Naming over this registry; several see the same services. The world closes it. */
  naming(report?: Report): Naming;
  /** Makes a registered instance be in `state`. */
  setState(serviceId: string, state: HealthState): Promise<void>;
  /** Tries until `attempt` throws no more: a registry behind a network is not instantly consistent. */
  eventually(attempt: () => void | Promise<void>): Promise<void>;
  /** Lets whatever is on its way arrive. */
  settle(): Promise<void>;
}

interface Call {
  readonly ids: readonly string[];
  readonly diff: InstanceDiff;
}

/** What every Naming promises, whatever is behind it. */
export function namingContract(name: string, open: () => Promise<NamingWorld>): void {
  const web = (id: string, ...tags: string[]): Registration => ({
    id,
    name: 'web',
    address: '10.0.0.1',
    port: 8080,
    tags,
  });
  const withWorld = (use: (world: NamingWorld, naming: Naming) => Promise<void>) => async () => {
    await using world = await open();
    await use(world, world.naming());
  };
  const idsOf = (instances: readonly { id: string }[]) => instances.map(({ id }) => id);
  const recorder = () => {
    const calls: Call[] = [];
    const callback = (instances: readonly { id: string }[], diff: InstanceDiff) => {
      calls.push({ ids: idsOf(instances), diff });
    };
    return { calls, callback };
  };
  /** Registers and waits until all of them are found, in whatever state. */
  const registered = async (world: NamingWorld, naming: Naming, ...registrations: Registration[]) => {
    for (const registration of registrations) await naming.register(registration);
    const service = registrations[0]!.name;
    await world.eventually(async () => {
      const found = await naming.find({ service, states: 'any', maxAgeMs: 0 });
      for (const { id } of registrations) assert.ok(idsOf(found).includes(id), `${id} is not there yet`);
    });
  };
  const last = (calls: readonly Call[]) => calls.at(-1)?.ids;

  describe(`Naming contract: ${name}`, () => {
    test(
      'the reference scenario: find one, be told of two, find by tag, lose both',
      withWorld(async (world, naming) => {
        const { calls, callback } = recorder();
        const reference = (id: string, tag: string): Registration => ({
          id,
          name: 'test',
          address: '127.0.0.1',
          port: 9000,
          protocol: 'tcp',
          tags: [tag, 'gate'],
        });
        await naming.register(reference('test_1', 'tab1'));
        await world.eventually(async () => assert.deepEqual(idsOf(await naming.find('test')), ['test_1']));
        await naming.subscribe('test', callback);
        await naming.register(reference('test_2', 'tab2'));
        await world.eventually(() => assert.deepEqual(last(calls), ['test_1', 'test_2']));
        assert.equal(calls.length, 1);
        await naming.unsubscribe('test');
        await world.eventually(async () => {
          assert.deepEqual(idsOf(await naming.find('test', 'gate')), ['test_1', 'test_2']);
          assert.deepEqual(idsOf(await naming.find('test', 'tab2')), ['test_2']);
        });
        await naming.deregister('test_1');
        await naming.deregister('test_2');
        await world.eventually(async () => assert.deepEqual(await naming.find('test'), []));
        assert.equal(calls.length, 1);
      }),
    );

    test(
      'an instance carries what was registered, the protocol in its meta',
      withWorld(async (world, naming) => {
        await registered(world, naming, {
          id: 'web/1',
          name: 'web',
          address: '10.1.2.3',
          port: 8443,
          protocol: 'grpc',
          tags: ['b', 'a', 'Ünïcode'],
          meta: { zone: 'eu-1' },
          weight: 7,
        });
        const [instance] = await naming.find({ service: 'web', maxAgeMs: 0 });
        assert.ok(instance);
        const { node, ...rest } = instance;
        assert.notEqual(node, '');
        assert.deepEqual(rest, {
          id: 'web/1',
          name: 'web',
          address: '10.1.2.3',
          port: 8443,
          protocol: 'grpc',
          tags: ['b', 'a', 'Ünïcode'],
          meta: { zone: 'eu-1', protocol: 'grpc' },
          state: 'passing',
          weight: 7,
        });
        assert.ok(
          Object.isFrozen(instance) && Object.isFrozen(instance.tags) && Object.isFrozen(instance.meta),
        );
        await naming.deregister('web/1');
      }),
    );

    test(
      'registering an id again replaces it whole, its check too',
      withWorld(async (world, naming) => {
        await registered(world, naming, {
          ...web('a', 'old'),
          meta: { zone: 'x', health_url: 'http://127.0.0.1:1/health' },
        });
        await naming.register({ ...web('a', 'new'), port: 9999 });
        await world.eventually(async () => {
          const [instance, ...others] = await naming.find({ service: 'web', maxAgeMs: 0 });
          assert.deepEqual([instance?.port, instance?.tags, instance?.meta], [9999, ['new'], {}]);
          assert.equal(others.length, 0);
        });
      }),
    );

    test(
      'find() knows nothing of a service nobody registered',
      withWorld(async (_world, naming) => {
        assert.deepEqual(await naming.find('nobody'), []);
        assert.deepEqual(await naming.find('no body/at?all', 'tag'), []);
      }),
    );

    test(
      'find() wants every tag, letter for letter',
      withWorld(async (world, naming) => {
        await registered(world, naming, web('a', 'x', 'y'), web('b', 'x'), web('c', 'X', 'y'));
        const find = async (...tags: string[]) =>
          idsOf(await naming.find({ service: 'web', maxAgeMs: 0 }, ...tags));
        assert.deepEqual(await find(), ['a', 'b', 'c']);
        assert.deepEqual(await find('x'), ['a', 'b']);
        assert.deepEqual(await find('x', 'y'), ['a']);
        assert.deepEqual(await find('x', 'z'), []);
      }),
    );

    test(
      'find() tells four states apart and gives the passing ones unless asked for others',
      withWorld(async (world, naming) => {
        const states: HealthState[] = ['maintenance', 'critical', 'warning', 'passing'];
        await registered(world, naming, ...states.map((state) => web(state)));
        for (const state of states) await world.setState(state, state);
        await world.eventually(async () => {
          const all = await naming.find({ service: 'web', states: 'any', maxAgeMs: 0 });
          assert.deepEqual(
            all.map(({ id, state }) => [id, state]),
            states.toSorted().map((state) => [state, state]),
          );
        });
        for (const state of states) {
          assert.deepEqual(idsOf(await naming.find({ service: 'web', states: [state], maxAgeMs: 0 })), [
            state,
          ]);
        }
        assert.deepEqual(idsOf(await naming.find({ service: 'web', maxAgeMs: 0 })), ['passing']);
        const fallback = await naming.find({ service: 'web', states: ['passing', 'warning'], maxAgeMs: 0 });
        assert.deepEqual(idsOf(fallback), ['passing', 'warning']);
      }),
    );

    test(
      'an instance with a health_url is critical until its check has passed',
      withWorld(async (world, naming) => {
        await registered(world, naming, { ...web('a'), meta: { health_url: 'http://127.0.0.1:1/health' } });
        const [instance] = await naming.find({ service: 'web', states: 'any', maxAgeMs: 0 });
        assert.equal(instance?.state, 'critical');
        assert.deepEqual(await naming.find({ service: 'web', maxAgeMs: 0 }), []);
      }),
    );

    test(
      'register() names everything that is wrong with a registration',
      withWorld(async (_world, naming) => {
        await assert.rejects(
          naming.register({
            id: 'a',
            name: '',
            address: '',
            port: 0,
            meta: { 'not a key': 'x', health_url: 'ftp://x' },
          }),
          (error: Error & { code?: string }) => {
            assert.equal(error.code, 'invalid');
            for (const part of ['name', 'address', 'port 0', '"not a key"', 'health_url']) {
              assert.ok(error.message.includes(part), `${part} is not in: ${error.message}`);
            }
            return true;
          },
        );
      }),
    );

    test(
      'deregister() of an unknown id rejects with not-found',
      withWorld(async (_world, naming) => {
        await assert.rejects(naming.deregister('nobody'), { name: 'NamingError', code: 'not-found' });
      }),
    );

    test(
      'subscribe() tells of instances that come, change and go, with the difference',
      withWorld(async (world, naming) => {
        await registered(world, naming, web('a'));
        const { calls, callback } = recorder();
        await naming.subscribe('web', callback);
        await naming.register(web('b'));
        await world.eventually(() => assert.deepEqual(last(calls), ['a', 'b']));
        await naming.register({ ...web('b'), port: 9999 });
        await world.eventually(() => assert.equal(calls.at(-1)?.diff.changed.length, 1));
        const [{ before, after } = assert.fail('nothing changed')] = calls.at(-1)!.diff.changed;
        assert.deepEqual([before.id, before.port, after.port], ['b', 8080, 9999]);
        await naming.deregister('a');
        await world.eventually(() => assert.deepEqual(last(calls), ['b']));
        assert.deepEqual(idsOf(calls.at(-1)!.diff.removed), ['a']);
      }),
    );

    test(
      'subscribe() tells of health: an instance that stops passing goes, and comes back',
      withWorld(async (world, naming) => {
        await registered(world, naming, web('a'), web('b'));
        const { calls, callback } = recorder();
        await naming.subscribe('web', callback);
        await world.setState('a', 'critical');
        await world.eventually(() => assert.deepEqual(last(calls), ['b']));
        await world.setState('a', 'passing');
        await world.eventually(() => assert.deepEqual(last(calls), ['a', 'b']));
      }),
    );

    test(
      'subscribe() filters by tag and state, and is quiet about all others',
      withWorld(async (world, naming) => {
        await registered(world, naming, web('a', 'gate'));
        const { calls, callback } = recorder();
        await naming.subscribe('web', callback, { tags: ['gate'], states: ['passing', 'warning'] });
        await registered(world, naming, web('b'));
        await world.setState('a', 'warning');
        await world.eventually(() => assert.equal(calls.at(-1)?.diff.changed[0]?.after.state, 'warning'));
        await world.setState('a', 'critical');
        await world.eventually(() => assert.deepEqual(last(calls), []));
        assert.ok(calls.every(({ ids }) => !ids.includes('b')));
      }),
    );

    test(
      'subscribe() is quiet about the state it starts from unless asked',
      withWorld(async (world, naming) => {
        await registered(world, naming, web('a'));
        const quiet = recorder();
        await naming.subscribe('web', quiet.callback);
        const asked = recorder();
        await world.naming().subscribe('web', asked.callback, { initial: true });
        await world.settle();
        assert.equal(quiet.calls.length, 0);
        assert.deepEqual(
          asked.calls.map(({ ids, diff }) => [ids, idsOf(diff.added)]),
          [[['a'], ['a']]],
        );
      }),
    );

    test(
      'subscribe() with initial also tells of a service nobody registered',
      withWorld(async (_world, naming) => {
        const { calls, callback } = recorder();
        await naming.subscribe('nobody', callback, { initial: true });
        assert.deepEqual(
          calls.map(({ ids }) => ids),
          [[]],
        );
      }),
    );

    test(
      'subscribe() refuses a second subscription to one name until the first has ended',
      withWorld(async (_world, naming) => {
        const first = naming.subscribe('web', () => {});
        await assert.rejects(
          naming.subscribe('web', () => {}),
          { name: 'NamingError', code: 'already-subscribed' },
        );
        const subscription = await first;
        await naming.subscribe('other', () => {});
        await subscription[Symbol.asyncDispose]();
        await naming.subscribe('web', () => {});
        await subscription[Symbol.asyncDispose]();
        await assert.rejects(
          naming.subscribe('web', () => {}),
          { code: 'already-subscribed' },
          'disposing of an ended subscription ended another one',
        );
      }),
    );

    test(
      'unsubscribe() ends a subscription at once, and is content when there is none',
      withWorld(async (world, naming) => {
        const { calls, callback } = recorder();
        await naming.subscribe('web', callback);
        await naming.unsubscribe('web');
        await naming.unsubscribe('web');
        await registered(world, naming, web('a'));
        await world.settle();
        assert.equal(calls.length, 0);
      }),
    );

    test(
      'a signal ends the subscription',
      withWorld(async (world, naming) => {
        const abort = new AbortController();
        const { calls, callback } = recorder();
        await naming.subscribe('web', callback, { signal: abort.signal });
        abort.abort();
        await registered(world, naming, web('a'));
        await world.settle();
        assert.equal(calls.length, 0);
        await naming.subscribe('web', callback);
      }),
    );

    test(
      'a callback that throws or rejects is reported and called again with the next change',
      withWorld(async (world) => {
        const reports: string[] = [];
        const naming = world.naming((error) => reports.push(`${error.code}: ${error.message}`));
        const { calls, callback } = recorder();
        await naming.subscribe('web', (instances, diff) => {
          callback(instances, diff);
          if (calls.length === 1) throw new Error('sync boom');
          return Promise.reject(new Error('async boom'));
        });
        await naming.register(web('a'));
        await world.eventually(() => assert.deepEqual(last(calls), ['a']));
        await naming.register(web('b'));
        await world.eventually(() => assert.deepEqual(last(calls), ['a', 'b']));
        await world.settle();
        assert.match(reports[0] ?? '', /callback-failed: .*"web".*: sync boom/);
        assert.match(reports[1] ?? '', /callback-failed: .*"web".*: async boom/);
      }),
    );

    test(
      'a report that throws or rejects costs nothing but its report: the subscription goes on, close() resolves',
      withWorld(async (world) => {
        let reports = 0;
        const naming = world.naming((): void | Promise<void> => {
          reports += 1;
          if (reports === 1) throw new Error('the report is broken');
          return Promise.reject(new Error('the report is broken'));
        });
        const { calls, callback } = recorder();
        await naming.subscribe('web', (instances, diff) => {
          callback(instances, diff);
          throw new Error('boom');
        });
        for (const id of ['a', 'b', 'c']) {
          await naming.register(web(id));
          await world.eventually(() => assert.equal(last(calls)?.at(-1), id));
        }
        await world.settle();
        assert.equal(reports, 3);
        await naming.close();
      }),
    );

    test(
      'a callback may unsubscribe, and register',
      withWorld(async (world, naming) => {
        const { calls, callback } = recorder();
        await naming.subscribe('web', async (instances, diff) => {
          callback(instances, diff);
          await naming.unsubscribe('web');
          await naming.register(web('b'));
        });
        await naming.register(web('a'));
        await world.eventually(async () =>
          assert.deepEqual(idsOf(await naming.find({ service: 'web', maxAgeMs: 0 })), ['a', 'b']),
        );
        assert.equal(calls.length, 1);
      }),
    );

    test(
      'a signal that has fired rejects every call with aborted',
      withWorld(async (_world, naming) => {
        const signal = AbortSignal.abort();
        const aborted = { name: 'NamingError', code: 'aborted' };
        await assert.rejects(naming.register(web('a'), { signal }), aborted);
        await assert.rejects(naming.deregister('a', { signal }), aborted);
        await assert.rejects(naming.find({ service: 'web', signal }), aborted);
        await assert.rejects(
          naming.subscribe('web', () => {}, { signal }),
          aborted,
        );
      }),
    );

    test(
      'close() ends the subscriptions, refuses further calls and leaves registrations',
      withWorld(async (world, naming) => {
        const { calls, callback } = recorder();
        await registered(world, naming, web('a'));
        await naming.subscribe('web', callback);
        await naming.close();
        await naming.close();
        const other = world.naming();
        await registered(world, other, web('b'));
        await world.settle();
        assert.equal(calls.length, 0);
        assert.deepEqual(idsOf(await other.find({ service: 'web', maxAgeMs: 0 })), ['a', 'b']);
        const closed = { name: 'NamingError', code: 'closed' };
        await assert.rejects(naming.register(web('c')), closed);
        await assert.rejects(naming.find('web'), closed);
        await assert.rejects(naming.deregister('a'), closed);
        await assert.rejects(
          naming.subscribe('web', () => {}),
          closed,
        );
      }),
    );
  });
}
