import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ById } from './by-id.ts';

type Entry = { readonly id: string; readonly value: number };

const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const anyEntries = fc.uniqueArray(fc.record({ id: ids, value: fc.nat() }), { selector: ({ id }) => id });
const anyChanges = fc.array(fc.tuple(ids, fc.option(fc.nat(), { nil: undefined })), { maxLength: 6 });

const toMap = (entries: readonly Entry[]) => new Map(entries.map((entry) => [entry.id, entry]));

describe('ById', () => {
  test('is read as a Map with the same entries', () => {
    fc.assert(
      fc.property(anyEntries, ids, (entries, id) => {
        const [map, byId] = [toMap(entries), new ById<string, Entry>(entries)];
        assert.equal(byId.get(id), map.get(id));
        assert.equal(byId.has(id), map.has(id));
        assert.equal(byId.size, map.size);
        assert.deepEqual([...byId], [...map]);
        assert.deepEqual([...byId.keys()], [...map.keys()]);
        assert.deepEqual([...byId.values()], [...map.values()]);
        const visited: [string, Entry][] = [];
        byId.forEach((entry, key) => {
          visited.push([key, entry]);
        });
        assert.deepEqual(visited, [...map]);
      }),
    );
  });

  test('is changed like a Map, and stays as it was', () => {
    fc.assert(
      fc.property(anyEntries, fc.array(anyChanges, { maxLength: 4 }), (entries, rounds) => {
        const map = toMap(entries);
        let byId = new ById<string, Entry>(entries);
        for (const round of rounds) {
          const [before, wasBefore] = [byId, [...byId]];
          const changes = new Map(
            round.map(([id, value]) => [id, value === undefined ? undefined : { id, value }]),
          );
          byId = byId.with(changes);
          for (const [id, entry] of changes) {
            if (entry === undefined) map.delete(id);
            else map.set(id, entry);
          }
          assert.deepEqual([...byId], [...map]);
          for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) assert.equal(byId.get(id), map.get(id));
          assert.deepEqual([...before], wasBefore);
        }
      }),
    );
  });

  test('is made of a Map, or is the same already', () => {
    const byId = ById.of(toMap([{ id: 'a', value: 1 }]));
    assert.deepEqual([...byId.values()], [{ id: 'a', value: 1 }]);
    assert.equal(ById.of(byId), byId);
    assert.equal(byId.with(new Map()), byId);
  });

  test('two with other entries are not equal in a comparison of their content', () => {
    const [one, other] = [1, 2].map((value) => new ById([{ id: 'a', value }]));
    assert.notDeepEqual(one, other);
    assert.deepEqual(one, new ById([{ id: 'a', value: 1 }]));
  });
});
