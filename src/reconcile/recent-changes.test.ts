import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { instance, nodeName, readiness } from '../../test/support/entries.ts';
import { instanceId, serviceName } from '../model/keys.ts';
import { RecentChanges } from './recent-changes.ts';

describe('RecentChanges', () => {
  test('says what was written in the words of the log, and how long it took', () => {
    const changes = new RecentChanges(() => 1_000);
    const checks = [readiness('web-1', 'critical')];
    const instances = [instance('web-1', { checks })];
    changes.add({ kind: 'put-instance', node: nodeName, effect: 'create', instance: instances[0]! }, 12.5);
    const of = { node: nodeName, instance: instanceId('web-1'), service: serviceName('web') };
    changes.add({ kind: 'delete-instance', ...of, because: 'terminating' }, undefined);
    const at = { kind: 'instance', ...of } as const;
    const [removed, registered] = changes.lines();
    assert.match(removed!.text, /web-1.* deregistered \(terminating\)$/);
    assert.match(registered!.text, /web-1.* registered at 10\.0\.0\.1:8080, critical$/);
    assert.deepEqual([removed!.at, removed!.durationMs], [at, undefined]);
    assert.deepEqual([registered!.at, registered!.durationMs], [at, 12.5]);
  });

  test('keeps the latest 200, the latest first', () => {
    let wall = 0;
    const changes = new RecentChanges(() => wall);
    for (; wall < 450; wall += 1)
      changes.add({ kind: 'delete-node', node: nodeName, modifyIndex: 1 }, undefined);
    const times = changes.lines().map(({ when }) => when);
    assert.deepEqual(
      times,
      Array.from({ length: 200 }, (_, i) => 449 - i),
    );
  });
});
