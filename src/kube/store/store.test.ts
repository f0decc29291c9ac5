import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubernetesObject } from '@kubernetes/client-node';
import fc from 'fast-check';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { type Logger, silentLogger } from '../../logging/logger.ts';
import { Projector } from '../reflector/projector.ts';
import { Relist } from '../reflector/relist.ts';
import { TimeSlice } from '../reflector/time-slice.ts';
import { Store, type StoredRecord, type StoreWriter } from './store.ts';

const record = (
  name: string,
  resourceVersion = '1',
  uid = `uid-${name}`,
  namespace = 'ns',
): StoredRecord => ({
  uid,
  namespace,
  name,
  resourceVersion,
});

function setup(logger: Logger = silentLogger) {
  const store = new Store<StoredRecord>({ name: 'things', logger });
  const heard: string[] = [];
  store.subscribe((before, after, cause, at) => {
    heard.push(`${before?.uid ?? ''}>${after?.uid ?? ''} ${cause} ${at}`);
  });
  return { store, heard };
}

/** A relist whose objects are records in their metadata. */
function relistOf(writer: StoreWriter<StoredRecord>, staged: boolean) {
  const project = ({ metadata }: KubernetesObject) => metadata as StoredRecord;
  const projector = new Projector(project, silentLogger);
  const relist = new Relist({ writer, projector, slice: new TimeSlice(new VirtualClock()), staged });
  const list = (metadata: StoredRecord, at: number) => relist.object({ metadata } as KubernetesObject, at);
  return { list, commit: relist.commit.bind(relist) };
}

const signal = new AbortController().signal;

describe('Store', () => {
  test('tells handlers before, after, the cause and when the evidence arrived', () => {
    const { store, heard } = setup();
    const writer = store.writer();
    writer.put(record('a'), 'relist', 5);
    writer.put(record('a', '2'), 'event', 6);
    writer.delete('ns', 'a', 'uid-a', 7);
    assert.deepEqual(heard, ['>uid-a relist 5', 'uid-a>uid-a event 6', 'uid-a> event 7']);
  });

  test('is in the new state when a handler is called', () => {
    const { store } = setup();
    store.subscribe((_before, after) => assert.equal(store.get('ns', 'a'), after));
    const writer = store.writer();
    writer.put(record('a'), 'event', 0);
    writer.delete('ns', 'a', '', 0);
    assert.equal(store.handlerErrors, 0);
  });

  test('the same version again changes nothing and keeps the record', () => {
    const { store, heard } = setup();
    const writer = store.writer();
    const first = record('a');
    writer.put(first, 'event', 0);
    assert.equal(writer.put(record('a'), 'relist', 1), 'unchanged');
    assert.equal(store.get('ns', 'a'), first);
    assert.equal(heard.length, 1);
  });

  test('a new uid under the same name is a removal and an addition', () => {
    const { store, heard } = setup();
    const writer = store.writer();
    writer.put(record('a', '1', 'old'), 'event', 0);
    assert.equal(writer.put(record('a', '1', 'new'), 'event', 1), 'replaced');
    assert.deepEqual(heard.slice(1), ['old> replaced 1', '>new event 1']);
    assert.equal(store.size, 1);
  });

  test('the removal of an old uid leaves the new one alone', () => {
    const { store } = setup();
    const writer = store.writer();
    writer.put(record('a', '2', 'new'), 'event', 0);
    assert.equal(writer.delete('ns', 'a', 'old', 1), false);
    assert.equal(store.size, 1);
  });

  test('a handler that throws is counted and logged, and keeps nobody else from hearing', () => {
    const errors: unknown[] = [];
    const { store } = setup({ ...silentLogger, error: (_message, fields) => errors.push(fields) });
    let later = 0;
    store.subscribe(() => {
      throw new Error('oops');
    });
    store.subscribe(() => {
      later += 1;
    });
    store.writer().put(record('a'), 'event', 0);
    assert.equal(store.handlerErrors, 1);
    assert.equal(later, 1);
    assert.deepEqual(errors, [{ reason: 'HandlerFailed', store: 'things', object: 'ns/a', error: 'oops' }]);
  });

  test('a disposed subscription hears nothing', () => {
    const { store } = setup();
    let calls = 0;
    store
      .subscribe(() => {
        calls += 1;
      })
      [Symbol.dispose]();
    store.writer().put(record('a'), 'event', 0);
    assert.equal(calls, 0);
  });

  test('has one writer for each scope', () => {
    const { store } = setup();
    store.writer('one');
    store.writer('two');
    assert.throws(() => store.writer('one'), /already has a writer for one/);
    assert.throws(() => store.writer(), /already has a writer for all namespaces/);
  });

  test('records() are those of one namespace, or all', () => {
    const { store } = setup();
    const writer = store.writer();
    writer.put(record('a', '1', 'u1', 'one'), 'event', 0);
    writer.put(record('a', '1', 'u2', 'two'), 'event', 0);
    assert.deepEqual(
      [...store.records('two')].map(({ uid }) => uid),
      ['u2'],
    );
    assert.equal([...store.records()].length, 2);
  });

  test('cluster-scoped records live under the empty namespace', () => {
    const { store } = setup();
    store.writer().put({ uid: 'u', name: 'node-1', resourceVersion: '1' }, 'event', 0);
    assert.equal(store.get('', 'node-1')?.uid, 'u');
  });
});

describe('Relist', () => {
  test('removes unmarked records at the commit only, as unexplained absence', async () => {
    const { store, heard } = setup();
    const writer = store.writer();
    writer.put(record('a'), 'event', 0);
    writer.put(record('b'), 'event', 0);
    const relist = relistOf(writer, false);
    relist.list(record('b'), 1);
    assert.equal(store.size, 2);
    assert.deepEqual(await relist.commit(2, signal), { added: 0, changed: 0, removed: 1 });
    assert.deepEqual(heard.slice(2), ['uid-a> relist 2']);
  });

  test('staged, shows nothing to the store before the commit', async () => {
    const { store, heard } = setup();
    const relist = relistOf(store.writer(), true);
    relist.list(record('a'), 1);
    assert.equal(store.size, 0);
    await relist.commit(2, signal);
    assert.deepEqual(heard, ['>uid-a relist 1']);
  });

  test('of one namespace leaves the others alone', async () => {
    const { store } = setup();
    store.writer('other').put(record('a', '1', 'u', 'other'), 'event', 0);
    await relistOf(store.writer('ns'), false).commit(1, signal);
    assert.equal(store.size, 1);
  });

  test('aborted, removes nothing more', async () => {
    const { store } = setup();
    const writer = store.writer();
    writer.put(record('a'), 'event', 0);
    await relistOf(writer, false).commit(1, AbortSignal.abort());
    assert.equal(store.size, 1);
  });
});

describe('Store and Relist', () => {
  const objects = fc.record(
    {
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      namespace: fc.constantFrom('one', 'two'),
      uid: fc.constantFrom('u1', 'u2'),
      resourceVersion: fc.integer({ min: 1, max: 9 }).map(String),
    },
    { noNullPrototype: true },
  );
  const step = fc.oneof(
    fc.record({ kind: fc.constant('put' as const), object: objects }),
    fc.record({ kind: fc.constant('delete' as const), object: objects }),
    fc.record({
      kind: fc.constant('relist' as const),
      objects: fc.uniqueArray(objects, { selector: ({ namespace, name }) => `${namespace}/${name}` }),
      complete: fc.boolean(),
      staged: fc.boolean(),
    }),
  );

  test('equal a model under any sequence of events and relists, and so does what handlers heard', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { store } = setup();
        const model = new Map<string, StoredRecord>();
        const heard = new Map<string, StoredRecord>();
        const key = ({ namespace, name }: StoredRecord) => `${namespace}/${name}`;
        store.subscribe((before, after) => {
          if (before !== undefined) {
            assert.equal(heard.get(key(before)), before, 'before is not what was heard last');
            heard.delete(key(before));
          }
          if (before !== undefined && after !== undefined) assert.equal(before.uid, after.uid);
          if (after !== undefined) heard.set(key(after), after);
        });
        const writer = store.writer();
        for (const each of steps) {
          switch (each.kind) {
            case 'put':
              writer.put(each.object, 'event', 0);
              model.set(key(each.object), each.object);
              break;
            case 'delete':
              writer.delete(each.object.namespace, each.object.name, each.object.uid, 0);
              if (model.get(key(each.object))?.uid === each.object.uid) model.delete(key(each.object));
              break;
            case 'relist': {
              const relist = relistOf(writer, each.staged);
              for (const object of each.objects) relist.list(object, 0);
              if (each.complete) {
                await relist.commit(0, signal);
                model.clear();
              }
              if (each.complete || !each.staged)
                for (const object of each.objects) model.set(key(object), object);
              break;
            }
          }
          const sorted = (records: Iterable<StoredRecord>) =>
            [...records].sort((a, b) => (key(a) < key(b) ? -1 : 1));
          assert.deepEqual(sorted(store.records()), sorted(model.values()));
          assert.deepEqual(sorted(heard.values()), sorted(model.values()));
          assert.equal(store.size, model.size);
          assert.equal(store.handlerErrors, 0);
        }
      }),
    );
  });
});
