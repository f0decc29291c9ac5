import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { patchType } from './kube-client.ts';
import { type ContractContext, podBody, podsIn } from './kube-contract.ts';

export function patchContract(context: ContractContext): void {
  describe('patch', () => {
    test('merge patch adds, replaces and removes by null', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      await context.client.create(podsIn(namespace), podBody('web', { a: '1', b: '2' }));
      const patched = await context.client.patch(
        path,
        { metadata: { labels: { a: null, b: '3', c: '4' } } },
        'merge',
      );
      assert.deepEqual(patched.metadata.labels, { b: '3', c: '4' });
    });

    test('merge patch with an old resourceVersion is refused: 409', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      const pod = await context.client.create(podsIn(namespace), podBody('web'));
      await context.client.patch(path, { metadata: { labels: { a: '1' } } }, 'merge');
      const { resourceVersion } = pod.metadata;
      const stale = { metadata: { resourceVersion, labels: { a: '2' } } };
      const failure = await context.client.refused(409, 'PATCH', path, stale, patchType.merge);
      assert.equal(failure.reason, 'Conflict');
    });

    test('strategic merge patch of the status merges conditions by type', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      await context.client.create(podsIn(namespace), podBody('web'));
      const condition = (type: string, status: string) => ({ type, status });
      const set = (...conditions: object[]) =>
        context.client.patch(`${path}/status`, { status: { conditions } }, 'strategic');
      await set(condition('Ready', 'False'), condition('example.com/gate', 'False'));
      const patched = await set(condition('example.com/gate', 'True'));
      const conditions = patched.status['conditions'] as { type: string; status: string }[];
      assert.deepEqual(Object.fromEntries(conditions.map(({ type, status }) => [type, status])), {
        Ready: 'False',
        'example.com/gate': 'True',
      });
      const removed = await set({ $patch: 'delete', type: 'Ready' });
      const left = removed.status['conditions'] as { type: string }[];
      assert.deepEqual(
        left.map(({ type }) => type),
        ['example.com/gate'],
      );
    });

    test('strategic merge patch merges containers by name', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      await context.client.create(podsIn(namespace), podBody('web'));
      const containers = [{ name: 'main', image: 'example.com/main:2' }];
      const patched = await context.client.patch(path, { spec: { containers } }, 'strategic');
      const [main] = patched.spec['containers'] as { image: string; ports: object[] }[];
      assert.equal(main?.image, 'example.com/main:2');
      assert.equal(main?.ports.length, 1);
      assert.equal(patched.metadata.generation, context.podGeneration(2));
    });

    test('JSON patch adds, tests, replaces and removes', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      await context.client.create(podsIn(namespace), podBody('web', { a: '1' }));
      const patched = await context.client.patch(
        path,
        [
          { op: 'test', path: '/metadata/labels/a', value: '1' },
          { op: 'replace', path: '/metadata/labels/a', value: '2' },
          { op: 'add', path: '/metadata/annotations', value: { 'example.com/x': 'old' } },
          { op: 'replace', path: '/metadata/annotations/example.com~1x', value: 'new' },
          { op: 'add', path: '/metadata/labels/b', value: '3' },
          { op: 'remove', path: '/metadata/labels/b' },
        ],
        'json',
      );
      assert.deepEqual(patched.metadata.labels, { a: '2' });
      assert.deepEqual(patched.metadata.annotations, { 'example.com/x': 'new' });
    });

    test('JSON patch whose test fails changes nothing: 422', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      const pod = await context.client.create(podsIn(namespace), podBody('web', { a: '1' }));
      const operations = [
        { op: 'replace', path: '/metadata/labels/a', value: '2' },
        { op: 'test', path: '/metadata/uid', value: 'another' },
      ];
      const failure = await context.client.refused(422, 'PATCH', path, operations, patchType.json);
      assert.equal(failure.reason, 'Invalid');
      assert.equal(failure.message, 'the server rejected our request due to an error in our request');
      assert.deepEqual(await context.client.get(path), pod);
    });

    test('JSON patch on a missing path: 422', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      await context.client.create(podsIn(namespace), podBody('web'));
      const operations = [{ op: 'remove', path: '/metadata/annotations/none' }];
      const failure = await context.client.refused(422, 'PATCH', path, operations, patchType.json);
      assert.equal(failure.reason, 'Invalid');
    });

    test('of another type: 415', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      await context.client.create(podsIn(namespace), podBody('web'));
      const failure = await context.client.refused(415, 'PATCH', path, {}, 'application/json');
      assert.equal(failure.reason, 'UnsupportedMediaType');
    });

    test('of what does not exist: 404', async () => {
      const namespace = await context.namespace();
      const failure = await context.client.refused(
        404,
        'PATCH',
        `${podsIn(namespace)}/web`,
        {},
        patchType.merge,
      );
      assert.equal(failure.reason, 'NotFound');
    });
  });
}
