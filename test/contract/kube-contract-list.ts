import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Body } from './kube-client.ts';
import { type ContractContext, podBody, podsIn } from './kube-contract.ts';

const names = (list: Body) => list.items.map(({ metadata }) => metadata.name);
const query = (values: Record<string, string>) => `?${new URLSearchParams(values)}`;

export function listContract(context: ContractContext): void {
  const withPods = async (...pods: readonly string[]) => {
    const namespace = await context.namespace();
    for (const name of pods) await context.client.create(podsIn(namespace), podBody(name));
    return podsIn(namespace);
  };

  describe('list', () => {
    test('shows the collection in the order of names, at one resourceVersion', async () => {
      const pods = await withPods('b', 'c', 'a');
      const list = await context.client.get(pods);
      assert.equal(list.kind, 'PodList');
      assert.equal(list.apiVersion, 'v1');
      assert.deepEqual(names(list), ['a', 'b', 'c']);
      assert.equal(list.metadata.continue, undefined);
      assert.equal(list.metadata.remainingItemCount, undefined);
      const newest = Math.max(...list.items.map(({ metadata }) => Number(metadata.resourceVersion)));
      assert.ok(Number(list.metadata.resourceVersion) >= newest);
    });

    test('items carry no kind and apiVersion of their own', async () => {
      const pods = await withPods('a');
      const [item] = (await context.client.get(pods)).items;
      assert.equal(item?.kind, undefined);
      assert.equal(item?.apiVersion, undefined);
    });

    test('of an empty collection has an empty list', async () => {
      const pods = await withPods();
      assert.deepEqual((await context.client.get(pods)).items, []);
    });

    test('over all namespaces holds those of each', async () => {
      const [first, second] = [await withPods('a'), await withPods('b')];
      const list = await context.client.get('/api/v1/pods');
      const found = list.items.map(({ metadata }) => `${podsIn(metadata.namespace)}/${metadata.name}`);
      assert.ok(found.includes(`${first}/a`));
      assert.ok(found.includes(`${second}/b`));
    });
  });

  describe('selectors', () => {
    test('labels select by equality and by set', async () => {
      const namespace = await context.namespace();
      const labelled = [
        ['a', { app: 'web', tier: 'front' }],
        ['b', { app: 'web', tier: 'back' }],
        ['c', { app: 'db' }],
        ['d', {}],
      ] as const;
      for (const [name, labels] of labelled)
        await context.client.create(podsIn(namespace), podBody(name, labels));
      const select = async (labelSelector: string) =>
        names(await context.client.get(podsIn(namespace) + query({ labelSelector }))).join('');
      assert.equal(await select('app=web'), 'ab');
      assert.equal(await select('app==web,tier!=back'), 'a');
      assert.equal(await select('app!=web'), 'cd');
      assert.equal(await select('app in (web, db)'), 'abc');
      assert.equal(await select('app in (web),tier notin (back)'), 'a');
      assert.equal(await select('tier notin (back)'), 'acd');
      assert.equal(await select('tier'), 'ab');
      assert.equal(await select('!tier'), 'cd');
      assert.equal(await select('app,!tier'), 'c');
    });

    test('fields select by name, node and phase', async () => {
      const namespace = await context.namespace();
      await context.client.create(podsIn(namespace), podBody('a', {}, { nodeName: 'node-1' }));
      await context.client.create(podsIn(namespace), podBody('b', {}, { nodeName: 'node-2' }));
      await context.client.create(podsIn(namespace), podBody('c'));
      await context.client.patch(
        `${podsIn(namespace)}/a/status`,
        { status: { phase: 'Succeeded' } },
        'merge',
      );
      const select = async (fieldSelector: string) =>
        names(await context.client.get(podsIn(namespace) + query({ fieldSelector }))).join('');
      assert.equal(await select('metadata.name=b'), 'b');
      assert.equal(await select('metadata.name!=b'), 'ac');
      assert.equal(await select(`metadata.namespace=${namespace}`), 'abc');
      assert.equal(await select('metadata.namespace=default'), '');
      assert.equal(await select('spec.nodeName=node-1'), 'a');
      assert.equal(await select('spec.nodeName='), 'c');
      assert.equal(await select('spec.nodeName!='), 'ab');
      assert.equal(await select('status.phase!=Succeeded,status.phase!=Failed'), 'bc');
      assert.equal(await select('status.phase==Succeeded'), 'a');
    });

    test('malformed ones and unknown fields are refused: 400', async () => {
      const pods = await withPods();
      const label = await context.client.refused(400, 'GET', pods + query({ labelSelector: 'a=(b' }));
      assert.equal(label.reason, 'BadRequest');
      const field = await context.client.refused(400, 'GET', pods + query({ fieldSelector: 'spec.none=x' }));
      assert.equal(field.reason, 'BadRequest');
      assert.match(field.message, /field label not supported: spec\.none/);
      const form = await context.client.refused(400, 'GET', pods + query({ fieldSelector: 'spec.nodeName' }));
      assert.equal(form.reason, 'BadRequest');
    });
  });

  describe('paging', () => {
    test('shows every object once, with what remains', async () => {
      const pods = await withPods('a', 'b', 'c', 'd', 'e');
      const first = await context.client.get(pods + query({ limit: '2' }));
      assert.deepEqual(names(first), ['a', 'b']);
      assert.equal(first.metadata.remainingItemCount, 3);
      const second = await context.client.get(
        pods + query({ limit: '2', continue: first.metadata.continue ?? '' }),
      );
      assert.deepEqual(names(second), ['c', 'd']);
      assert.equal(second.metadata.remainingItemCount, 1);
      assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
      const third = await context.client.get(
        pods + query({ limit: '2', continue: second.metadata.continue ?? '' }),
      );
      assert.deepEqual(names(third), ['e']);
      assert.equal(third.metadata.continue, undefined);
      assert.equal(third.metadata.remainingItemCount, undefined);
    });

    test('shows the state of the first page on all pages', async () => {
      const pods = await withPods('a', 'b', 'd');
      const first = await context.client.get(pods + query({ limit: '1' }));
      await context.client.create(pods, podBody('c'));
      await context.client.delete(`${pods}/d`);
      await context.client.patch(`${pods}/b`, { metadata: { labels: { changed: 'yes' } } }, 'merge');
      const rest = await context.client.get(
        pods + query({ limit: '9', continue: first.metadata.continue ?? '' }),
      );
      assert.deepEqual(names(rest), ['b', 'd']);
      assert.deepEqual(rest.items[0]?.metadata.labels ?? {}, {});
      assert.equal(rest.metadata.resourceVersion, first.metadata.resourceVersion);
      assert.deepEqual(names(await context.client.get(pods)), ['a', 'b', 'c']);
    });

    test('with a selector does not tell what remains', async () => {
      const namespace = await context.namespace();
      for (const name of ['a', 'b', 'c'])
        await context.client.create(podsIn(namespace), podBody(name, { app: 'x' }));
      const first = await context.client.get(
        podsIn(namespace) + query({ limit: '1', labelSelector: 'app=x' }),
      );
      assert.deepEqual(names(first), ['a']);
      assert.ok(first.metadata.continue);
      assert.equal(first.metadata.remainingItemCount, undefined);
    });

    test('refuses a token that is none: 400', async () => {
      const pods = await withPods('a');
      const failure = await context.client.refused(
        400,
        'GET',
        pods + query({ limit: '1', continue: 'nonsense' }),
      );
      assert.equal(failure.reason, 'BadRequest');
      assert.match(failure.message, /continue key is not valid/);
    });

    test('refuses a token that is too old: 410 Expired, with a token to go on without consistency', async () => {
      const pods = await withPods('a', 'b', 'd');
      const first = await context.client.get(pods + query({ limit: '1' }));
      await context.client.create(pods, podBody('c'));
      await context.server.forget();
      const stale = pods + query({ limit: '1', continue: first.metadata.continue ?? '' });
      const failure = await context.client.refused(410, 'GET', stale);
      assert.equal(failure.reason, 'Expired');
      assert.match(
        failure.message,
        /^The provided continue parameter is too old to display a consistent list result\./,
      );
      const rest = await context.client.get(
        pods + query({ limit: '9', continue: failure.metadata.continue ?? '' }),
      );
      assert.deepEqual(names(rest), ['b', 'c', 'd']);
    });
  });

  describe('resourceVersion of a list', () => {
    test('0 and NotOlderThan may show any state that is new enough, 0 ignoring the limit', async () => {
      const pods = await withPods('a', 'b');
      const { metadata } = await context.client.get(pods);
      const newer = { resourceVersion: metadata.resourceVersion, resourceVersionMatch: 'NotOlderThan' };
      assert.deepEqual(names(await context.client.get(pods + query(newer))), ['a', 'b']);
      const any = await context.client.get(pods + query({ resourceVersion: '0', limit: '1' }));
      assert.deepEqual(names(any), ['a', 'b']);
      assert.equal(any.metadata.continue, undefined);
    });

    test('Exact shows that state, also when the limit implies it', async () => {
      const pods = await withPods('a', 'b');
      const { resourceVersion } = (await context.client.get(pods)).metadata;
      await context.client.delete(`${pods}/a`);
      const exact = await context.client.get(
        pods + query({ resourceVersion, resourceVersionMatch: 'Exact' }),
      );
      assert.deepEqual(names(exact), ['a', 'b']);
      assert.equal(exact.metadata.resourceVersion, resourceVersion);
      assert.deepEqual(names(await context.client.get(pods + query({ resourceVersion, limit: '5' }))), [
        'a',
        'b',
      ]);
      assert.deepEqual(names(await context.client.get(pods + query({ resourceVersion }))), ['b']);
    });

    test('from the future: 504 Timeout, "Too large resource version"', async () => {
      const pods = await withPods('a');
      const failure = await context.client.refused(
        504,
        'GET',
        pods + query({ resourceVersion: '999999999' }),
      );
      assert.equal(failure.reason, 'Timeout');
      assert.match(failure.message, /^Timeout: Too large resource version: 999999999, current: \d+$/);
      assert.deepEqual(failure.details, {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      });
    });

    test('match without a version, and unknown matches, are refused: 422', async () => {
      const pods = await withPods();
      const lone = await context.client.refused(422, 'GET', pods + query({ resourceVersionMatch: 'Exact' }));
      assert.equal(
        lone.message,
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden' +
          ' unless resourceVersion is provided',
      );
      const unknown = query({ resourceVersion: '1', resourceVersionMatch: 'Nearly' });
      const failure = await context.client.refused(422, 'GET', pods + unknown);
      assert.match(failure.message, /resourceVersionMatch: Unsupported value: "Nearly": supported values: /);
    });

    test('also holds for one object: 0 and a past version show the newest, a future one 504', async () => {
      const pods = await withPods('a');
      const { resourceVersion } = (await context.client.get(`${pods}/a`)).metadata;
      const changed = await context.client.patch(`${pods}/a`, { metadata: { labels: { x: '1' } } }, 'merge');
      assert.deepEqual(await context.client.get(`${pods}/a`), changed);
      const past = await context.client.get(`${pods}/a${query({ resourceVersion })}`);
      assert.ok(Number(past.metadata.resourceVersion) >= Number(resourceVersion));
      await context.client.get(`${pods}/a${query({ resourceVersion: '0' })}`);
      const future = query({ resourceVersion: '999999999' });
      const failure = await context.client.refused(504, 'GET', `${pods}/a${future}`);
      assert.match(failure.message, /Too large resource version: 999999999/);
    });

    test('that is no number is refused', async () => {
      const pods = await withPods();
      const answer = await context.client.call('GET', pods + query({ resourceVersion: 'abc' }));
      // 500 before 1.31.
      assert.ok([400, 422, 500].includes(answer.status), answer.text);
      assert.equal(JSON.parse(answer.text).status, 'Failure');
    });
  });
}
