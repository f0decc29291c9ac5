import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { instance, nodeName, readiness } from '../../test/support/entries.ts';
import { type LogLine, recorder } from '../../test/support/log-recorder.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { checkId, consulNodeName, instanceId, serviceName } from '../model/keys.ts';
import type { Problem } from '../model/problem.ts';
import type { Change } from '../plan/change.ts';
import type { StaleInstance } from '../plan/finding.ts';
import { Reporter } from './reporter.ts';

const id = 'shop.web-6d5f-x2x7q.1f0c9a3e.web.8080';
const place = { node: nodeName, instance: instanceId(id), service: serviceName('web') };
const about = { pod: 'shop/web-6d5f-x2x7q', service: 'web', instance: id, node: nodeName };
const otherNode = consulNodeName('demo-worker-2');

function setUp() {
  const log: LogLine[] = [];
  return { log, reporter: new Reporter(recorder(log), new VirtualClock()) };
}

function said(change: Change, durationMs?: number): LogLine {
  const { log, reporter } = setUp();
  reporter.committed(change, durationMs);
  return log[0]!;
}

const mistake = (name: string, message = 'port "htp" is not a container port'): Problem => ({
  object: { kind: 'Pod', namespace: 'shop', name, uid: `uid-of-${name}` },
  reason: 'InvalidAnnotation',
  field: 'port',
  message,
  severity: 'error',
});

describe('Reporter', () => {
  test('names the pod, its service and the cause, with pod, service and node among the fields', () => {
    const create = { kind: 'put-instance', effect: 'create', node: nodeName, modifyIndex: 0 } as const;
    assert.deepEqual(said({ ...create, instance: instance(id) }, 12.34), {
      level: 'info',
      message: 'shop/web-6d5f-x2x7q (web) registered at 10.0.0.1:8080, passing',
      fields: { reason: 'Registered', ...about, address: '10.0.0.1:8080', status: 'passing', durationMs: 12 },
    });
    const check = readiness(id, 'critical', 'ContainersNotReady: [web]');
    const health = said({ kind: 'put-check', effect: 'health', ...place, check });
    assert.equal(health.message, 'shop/web-6d5f-x2x7q (web) is critical: ContainersNotReady: [web]');
    const fields = { reason: 'Health', ...about, status: 'critical', output: 'ContainersNotReady: [web]' };
    assert.deepEqual(health.fields, fields);
    const well = { kind: 'put-check', effect: 'health', ...place, check: readiness(id, 'passing', 'ready') };
    assert.equal(said(well as Change).message, 'shop/web-6d5f-x2x7q (web) is passing');
    const gone = said({ kind: 'delete-instance', ...place, because: 'terminating' });
    assert.equal(gone.message, 'shop/web-6d5f-x2x7q (web) deregistered (terminating)');
    assert.deepEqual(gone.fields, { reason: 'Deregistered', ...about, because: 'terminating' });
  });

  test('names an endpoint without a pod by its id, and a check of a node by its node', () => {
    const endpoint = instanceId('shop.db.10-0-0-7.db.5432');
    const db = { node: nodeName, instance: endpoint, service: serviceName('db') };
    const gone = said({ kind: 'delete-instance', ...db });
    assert.equal(gone.message, 'instance shop.db.10-0-0-7.db.5432 (db) deregistered');
    assert.equal(gone.fields['pod'], undefined);
    const check = { kind: 'delete-check', node: nodeName, check: checkId('old') } as const;
    const removed = said({ ...check, instance: undefined, service: undefined });
    assert.equal(removed.message, 'check old of node demo-worker-1 removed');
  });

  test('says what somebody else did, with the values', () => {
    const { log, reporter } = setUp();
    const fields = [{ field: 'port', before: '8080', after: '1' }];
    reporter.finding({ kind: 'drift', what: 'changed', at: { kind: 'instance', ...place }, fields });
    reporter.finding({ kind: 'drift', what: 'missing', at: { kind: 'node', node: nodeName }, fields: [] });
    assert.deepEqual(
      log.map(({ message }) => message),
      [
        'shop/web-6d5f-x2x7q (web) was changed externally (port: 8080 → 1); repairing',
        'node "demo-worker-1" was removed externally; repairing',
      ],
    );
    assert.equal(log[0]!.fields['pod'], 'shop/web-6d5f-x2x7q');
  });

  test('says one mistake of all replicas once, and that it is resolved when the last is', () => {
    const { log, reporter } = setUp();
    reporter.review(nodeName, [mistake('web-6d5f-x2x7q'), mistake('web-6d5f-b4c5d')], []);
    reporter.review(otherNode, [mistake('web-6d5f-zz999')], []);
    assert.deepEqual(
      log.map(({ level, message, fields }) => [level, message, fields['replicas']]),
      [
        [
          'error',
          'registration refused: Pod shop/web-6d5f-b4c5d, annotation port: port "htp" is not a container port',
          'shop/web-6d5f-*',
        ],
      ],
    );
    reporter.review(nodeName, [], []);
    assert.equal(log.length, 1);
    reporter.review(otherNode, [], []);
    assert.equal(log.at(-1)!.fields['reason'], 'Cleared');
    assert.match(log.at(-1)!.message, /^problem resolved: Pod shop\/web-6d5f-b4c5d: port "htp"/);
  });

  test('says different mistakes, and those of different workloads, one by one', () => {
    const { log, reporter } = setUp();
    const others = [mistake('db-0'), mistake('db-1', 'no port'), mistake('api-0')];
    reporter.review(nodeName, others, []);
    assert.equal(log.length, 3);
  });

  test('says of all replicas once that they are kept as they were', () => {
    const { log, reporter } = setUp();
    const stale = (instance: string): StaleInstance => ({
      kind: 'stale',
      ...place,
      instance: instanceId(instance),
    });
    reporter.review(nodeName, [], [stale(id), stale('shop.web-6d5f-b4c5d.2f0c9a3e.web.8080')]);
    assert.deepEqual(
      log.map(({ message }) => message),
      ['shop/web-6d5f-b4c5d (web) is kept as it was, because the annotations that ask for it are wrong'],
    );
  });
});
