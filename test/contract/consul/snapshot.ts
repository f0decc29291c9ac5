import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Api, type ConsulUnderTest, type Entry, node, type Reply, service, unique } from './subject.ts';

export function snapshots(subject: () => ConsulUnderTest): void {
  test('snapshot: restoring one takes the catalog and its indexes back', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(node(n), service(n, 's1', web));
    const path = `/v1/catalog/node-services/${n}`;
    const ids = ({ text }: Reply) => (JSON.parse(text) as Entry).Services.map(({ ID }: Entry) => ID);
    const then = await api.get(path);
    const blob = await readBytes(subject(), '/v1/snapshot');
    await api.commit(service(n, 's2', web));
    const now = await api.get(path);
    assert.ok(now.index > then.index);
    const waiting = api.blocked(path, now.index, '20s');
    const streamed = api.blocked(`/v1/health/service/${web}`, now.index, '2s');
    await subject().settle();
    await subject().restore(blob);
    const woken = await subject().drive(waiting);
    assert.deepEqual(
      [woken.index, ids(woken)],
      [now.index, ['s1', 's2']],
      'who waits is woken with the old reading',
    );
    const slept = await subject().drive(streamed);
    assert.equal(
      slept.index,
      then.index,
      'a stream sleeps on and shows the restored state at the end of its wait',
    );
    assert.equal((JSON.parse(slept.text) as unknown[]).length, 1);
    const fresh = await api.get(path);
    assert.deepEqual([fresh.index, ids(fresh)], [then.index, ['s1']], 'the index went back');
    const ahead = await subject().drive(api.blocked(path, now.index, '300ms'));
    assert.equal(ahead.index, then.index, 'a query ahead of the index waits all its wait');
    const [made] = await api.commit(node(unique('node')));
    assert.ok(made?.['Node'].CreateIndex > now.index, 'the log itself goes on');
  });
}

async function readBytes(subject: ConsulUnderTest, path: string): Promise<Uint8Array> {
  const signal = new AbortController().signal;
  const headers = { 'X-Consul-Token': subject.managementToken };
  const response = await subject.transport.request({ method: 'GET', path, headers, signal });
  assert.equal(response.status, 200);
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
