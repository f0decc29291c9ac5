import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Frame, Watch } from './kube-client.ts';
import { type ContractContext, podBody, podsIn } from './kube-contract.ts';

const query = (values: Record<string, string>) => `?${new URLSearchParams(values)}`;
const watchList = {
  sendInitialEvents: 'true',
  resourceVersionMatch: 'NotOlderThan',
  allowWatchBookmarks: 'true',
};

async function rest(watch: Watch): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (let frame = await watch.frame(); frame !== undefined; frame = await watch.frame()) frames.push(frame);
  return frames;
}

export function watchContract(context: ContractContext): void {
  const relabel = (path: string, labels: Record<string, string | null>) =>
    context.client.patch(path, { metadata: { labels } }, 'merge');

  describe('watch', () => {
    test('from a list shows every later change in order, each with its own version', async () => {
      const pods = podsIn(await context.namespace());
      const { resourceVersion } = (await context.client.get(pods)).metadata;
      await using watch = await context.client.watch(pods + query({ resourceVersion }));
      const created = await context.client.create(pods, podBody('a'));
      const changed = await relabel(`${pods}/a`, { x: '1' });
      await context.client.delete(`${pods}/a`);
      assert.deepEqual(await watch.event(), { type: 'ADDED', object: created });
      assert.deepEqual(await watch.event(), { type: 'MODIFIED', object: changed });
      assert.equal(await watch.next(), 'MODIFIED a');
      const gone = await watch.event();
      assert.equal(gone.type, 'DELETED');
      assert.equal(gone.object.metadata.uid, created.metadata.uid);
      assert.ok(Number(gone.object.metadata.resourceVersion) > Number(changed.metadata.resourceVersion));
    });

    test('catches up with what happened since its resourceVersion', async () => {
      const pods = podsIn(await context.namespace());
      const { metadata } = await context.client.create(pods, podBody('a'));
      await context.client.create(pods, podBody('b'));
      await relabel(`${pods}/a`, { x: '1' });
      await using watch = await context.client.watch(
        pods + query({ resourceVersion: metadata.resourceVersion }),
      );
      assert.equal(await watch.next(), 'ADDED b');
      assert.equal(await watch.next(), 'MODIFIED a');
    });

    test('without a resourceVersion, or from 0, starts with what exists', async () => {
      const pods = podsIn(await context.namespace());
      await context.client.create(pods, podBody('a'));
      await context.client.create(pods, podBody('b'));
      await context.client.get(pods);
      for (const start of ['', query({ resourceVersion: '0' })]) {
        await using watch = await context.client.watch(pods + start);
        const first = [await watch.next(), await watch.next()].sort();
        assert.deepEqual(first, ['ADDED a', 'ADDED b']);
      }
    });

    test('sees only its namespace', async () => {
      const [own, other] = [podsIn(await context.namespace()), podsIn(await context.namespace())];
      const { resourceVersion } = (await context.client.get(own)).metadata;
      await using watch = await context.client.watch(own + query({ resourceVersion }));
      await context.client.create(other, podBody('elsewhere'));
      await context.client.create(own, podBody('here'));
      assert.equal(await watch.next(), 'ADDED here');
    });

    test('shows what enters a label selector as ADDED and what leaves it as DELETED', async () => {
      const pods = podsIn(await context.namespace());
      const { resourceVersion } = (await context.client.get(pods)).metadata;
      await using watch = await context.client.watch(
        pods + query({ resourceVersion, labelSelector: 'app=web' }),
      );
      await context.client.create(pods, podBody('a', { app: 'db' }));
      const entered = await relabel(`${pods}/a`, { app: 'web' });
      await relabel(`${pods}/a`, { more: 'labels' });
      const left = await relabel(`${pods}/a`, { app: null });
      await relabel(`${pods}/a`, { unseen: 'change' });
      await context.client.create(pods, podBody('b', { app: 'web' }));
      assert.deepEqual(await watch.event(), { type: 'ADDED', object: entered });
      assert.equal(await watch.next(), 'MODIFIED a');
      const deleted = await watch.event();
      assert.equal(deleted.type, 'DELETED');
      assert.deepEqual(deleted.object.metadata.labels, { app: 'web', more: 'labels' });
      assert.equal(deleted.object.metadata.resourceVersion, left.metadata.resourceVersion);
      assert.equal(await watch.next(), 'ADDED b');
    });

    test('shows a pod that leaves a field selector as DELETED', async () => {
      const pods = podsIn(await context.namespace());
      await context.client.create(pods, podBody('a'));
      const { resourceVersion } = (await context.client.get(pods)).metadata;
      const fieldSelector = 'status.phase!=Succeeded,status.phase!=Failed';
      await using watch = await context.client.watch(pods + query({ resourceVersion, fieldSelector }));
      await context.client.patch(`${pods}/a/status`, { status: { phase: 'Running' } }, 'merge');
      await context.client.patch(`${pods}/a/status`, { status: { phase: 'Failed' } }, 'merge');
      assert.equal(await watch.next(), 'MODIFIED a');
      const { type, object } = await watch.event();
      assert.equal(type, 'DELETED');
      assert.equal(object.status['phase'], 'Running');
    });

    test('shows a graceful deletion as MODIFIED, then DELETED', async () => {
      const pods = podsIn(await context.namespace());
      await context.client.create(pods, podBody('a', {}, { nodeName: 'node-1' }));
      const { resourceVersion } = (await context.client.get(pods)).metadata;
      await using watch = await context.client.watch(pods + query({ resourceVersion }));
      await context.client.delete(`${pods}/a`);
      await context.client.delete(`${pods}/a`, { gracePeriodSeconds: 0 });
      const marked = await watch.event();
      assert.equal(marked.type, 'MODIFIED');
      assert.equal(marked.object.metadata.deletionGracePeriodSeconds, 30);
      assert.equal(await watch.next(), 'MODIFIED a');
      const gone = await watch.event();
      assert.equal(gone.type, 'DELETED');
      assert.equal(gone.object.metadata.deletionGracePeriodSeconds, 0);
    });

    test('shows a pod deleted at once as MODIFIED, then DELETED', async () => {
      const pods = podsIn(await context.namespace());
      await context.client.create(pods, podBody('a'));
      const { resourceVersion } = (await context.client.get(pods)).metadata;
      await using watch = await context.client.watch(pods + query({ resourceVersion }));
      await context.client.delete(`${pods}/a`);
      assert.equal(await watch.next(), 'MODIFIED a');
      const gone = await watch.event();
      assert.equal(gone.type, 'DELETED');
      assert.ok(gone.object.metadata.deletionTimestamp);
    });

    test('shows the same name again as DELETED and ADDED with another uid', async () => {
      const pods = podsIn(await context.namespace());
      const first = await context.client.create(pods, podBody('a'));
      const { resourceVersion } = first.metadata;
      await context.client.delete(`${pods}/a`);
      const second = await context.client.create(pods, podBody('a'));
      await using watch = await context.client.watch(pods + query({ resourceVersion }));
      assert.equal(await watch.next(), 'MODIFIED a');
      const [gone, back] = [await watch.event(), await watch.event()];
      assert.deepEqual([gone.type, gone.object.metadata.uid], ['DELETED', first.metadata.uid]);
      assert.deepEqual([back.type, back.object.metadata.uid], ['ADDED', second.metadata.uid]);
    });

    test('from a version that is too old: 200 and one ERROR event, 410 Expired, then the end', async () => {
      const pods = podsIn(await context.namespace());
      const { resourceVersion } = (await context.client.create(pods, podBody('a'))).metadata;
      await context.client.create(pods, podBody('b'));
      await context.server.forget();
      await using watch = await context.client.watch(pods + query({ resourceVersion }));
      const [frame, ...more] = await rest(watch);
      assert.ok(frame !== undefined);
      assert.equal(frame.type, 'ERROR');
      const { message, ...status } = frame.object as unknown as Record<string, unknown>;
      assert.deepEqual(status, {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        reason: 'Expired',
        code: 410,
      });
      assert.match(String(message), /^too old resource version: \d+ \(\d+\)$/);
      assert.deepEqual(more, []);
    });

    test('from a version of the future stays silent until the server has come that far', async () => {
      const pods = podsIn(await context.namespace());
      const { resourceVersion } = (await context.client.get(pods)).metadata;
      // Far enough that a real cluster's own writes do not reach it first.
      const future = Number(resourceVersion) + 20;
      await using watch = await context.client.watch(pods + query({ resourceVersion: String(future) }));
      for (let count = 0; count < 25; count += 1) await context.client.create(pods, podBody(`pod-${count}`));
      const { object } = await watch.event();
      assert.ok(Number(object.metadata.resourceVersion) > future, object.metadata.resourceVersion);
      assert.notEqual(object.metadata.name, 'pod-0');
    });

    test('ends cleanly after timeoutSeconds, with a bookmark two seconds before', async () => {
      const pods = podsIn(await context.namespace());
      const { resourceVersion } = (await context.client.get(pods)).metadata;
      const options = { resourceVersion, timeoutSeconds: '5', allowWatchBookmarks: 'true' };
      await using watch = await context.client.watch(pods + query(options));
      const created = await context.client.create(pods, podBody('a'));
      const frames = rest(watch);
      await context.server.pass(6_000);
      const [added, ...bookmarks] = await frames;
      assert.equal(added?.type, 'ADDED');
      assert.ok(bookmarks.length > 0);
      for (const { type, object } of bookmarks) {
        assert.equal(type, 'BOOKMARK');
        assert.equal(object.kind, 'Pod');
        assert.equal(object.apiVersion, 'v1');
        assert.ok(Number(object.metadata.resourceVersion) >= Number(created.metadata.resourceVersion));
        assert.equal(object.metadata.annotations, undefined);
      }
    });

    test('sends no bookmarks unless asked', async () => {
      const pods = podsIn(await context.namespace());
      const { resourceVersion } = (await context.client.get(pods)).metadata;
      await using watch = await context.client.watch(pods + query({ resourceVersion, timeoutSeconds: '4' }));
      await context.client.create(pods, podBody('a'));
      const frames = rest(watch);
      await context.server.pass(5_000);
      assert.deepEqual(
        (await frames).map(({ type }) => type),
        ['ADDED'],
      );
    });

    if (!context.lacks.watchList)
      test('a bookmark is a version to resume from', async () => {
        const pods = podsIn(await context.namespace());
        await context.client.create(pods, podBody('a'));
        await using first = await context.client.watch(pods + query(watchList));
        await first.event();
        const bookmark = await first.frame();
        assert.equal(bookmark?.type, 'BOOKMARK');
        await context.client.create(pods, podBody('b'));
        const resourceVersion = bookmark?.object.metadata.resourceVersion ?? '';
        await using second = await context.client.watch(pods + query({ resourceVersion }));
        assert.equal(await second.next(), 'ADDED b');
      });
  });

  if (context.lacks.watchList)
    describe('without WatchList', () => {
      test('a list by a watch is refused: 422', async () => {
        const pods = podsIn(await context.namespace());
        const failure = await context.client.refused(
          422,
          'GET',
          pods + query({ watch: 'true', ...watchList }),
        );
        assert.match(
          failure.message,
          /sendInitialEvents is forbidden for watch unless the WatchList feature/,
        );
      });
    });

  if (!context.lacks.watchList)
    describe('WatchList', () => {
      test('streams what exists, a bookmark that marks its end, then changes', async () => {
        const pods = podsIn(await context.namespace());
        await context.client.create(pods, podBody('b'));
        const last = await context.client.create(pods, podBody('a'));
        await using watch = await context.client.watch(pods + query(watchList));
        const first = [await watch.frame(), await watch.frame()];
        assert.deepEqual(first.map((frame) => `${frame?.type} ${frame?.object.metadata.name}`).sort(), [
          'ADDED a',
          'ADDED b',
        ]);
        const bookmark = await watch.frame();
        assert.equal(bookmark?.type, 'BOOKMARK');
        assert.deepEqual(bookmark?.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' });
        assert.ok(Number(bookmark?.object.metadata.resourceVersion) >= Number(last.metadata.resourceVersion));
        await context.client.create(pods, podBody('c'));
        assert.equal(await watch.next(), 'ADDED c');
      });

      test('of an empty collection is the bookmark alone', async () => {
        const pods = podsIn(await context.namespace());
        await using watch = await context.client.watch(pods + query(watchList));
        const bookmark = await watch.frame();
        assert.equal(bookmark?.type, 'BOOKMARK');
        assert.deepEqual(bookmark?.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' });
      });

      test('shows only what is selected', async () => {
        const pods = podsIn(await context.namespace());
        await context.client.create(pods, podBody('a', { app: 'web' }));
        await context.client.create(pods, podBody('b', { app: 'db' }));
        await using watch = await context.client.watch(
          pods + query({ ...watchList, labelSelector: 'app=db' }),
        );
        assert.equal((await watch.frame())?.object.metadata.name, 'b');
        assert.equal((await watch.frame())?.type, 'BOOKMARK');
      });

      test('from a version of the future: an ERROR event, 504 Too large resource version', async () => {
        const pods = podsIn(await context.namespace());
        await using watch = await context.client.watch(
          pods + query({ ...watchList, resourceVersion: '999999999' }),
        );
        const frame = await watch.frame();
        assert.equal(frame?.type, 'ERROR');
        assert.match(
          String(frame?.object['message']),
          /Too large resource version: 999999999, current: \d+$/,
        );
        assert.equal(await watch.frame(), undefined);
      });

      test('is refused without resourceVersionMatch, and for a list: 422', async () => {
        const pods = podsIn(await context.namespace());
        const watch = await context.client.refused(
          422,
          'GET',
          pods + query({ watch: 'true', sendInitialEvents: 'true' }),
        );
        assert.equal(watch.reason, 'Invalid');
        assert.match(
          watch.message,
          /^ListOptions\.meta\.k8s\.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan/,
        );
        const list = await context.client.refused(422, 'GET', pods + query({ sendInitialEvents: 'true' }));
        assert.match(list.message, /sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list$/);
      });
    });
}
