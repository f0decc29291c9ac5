import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type LogLine, recorder as logRecorder } from '../../../test/support/log-recorder.ts';
import { seeded } from '../../../test/support/seeded-random.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { KubeApi } from '../../sandbox/kube/kube-api.ts';
import { type DropReason, EventRecorder } from './event-recorder.ts';
import type { KubeEvent, ObjectEvent } from './object-event.ts';

const event = (note: string, name = 'web-1', namespace = 'shop'): ObjectEvent => ({
  regarding: { kind: 'Pod', namespace, name, uid: `uid-of-${name}` },
  type: 'Warning',
  reason: 'InvalidAnnotation',
  action: 'Register',
  note,
});

/** A recorder on an in-memory API server, in virtual time. */
function setup(t: { after(fn: () => Promise<void>): void }) {
  const clock = new VirtualClock();
  const kube = new KubeApi({ clock, random: seeded(1) });
  kube.addNamespace('shop');
  const log: LogLine[] = [];
  const dropped: DropReason[] = [];
  const recorder = new EventRecorder({
    kube: kube.transport(),
    clock,
    random: () => 0.5,
    logger: logRecorder(log),
    reportingInstance: 'kube-registrar-0',
    onDropped: (why) => dropped.push(why),
  });
  const abort = new AbortController();
  const running = recorder.run(abort.signal);
  t.after(async () => {
    abort.abort();
    await running;
    assert.equal(clock.pending, 0, 'no timer is left');
  });
  /** As events.k8s.io/v1 shows them. */
  const events = () =>
    kube.store.list('events').map((stored) => {
      const { involvedObject, message, reportingComponent, ...rest } = stored as Record<string, unknown>;
      return { ...rest, regarding: involvedObject, note: message, reportingController: reportingComponent };
    }) as unknown as KubeEvent[];
  const told = () => events().map(({ note, series }) => [note, series?.count ?? 1]);
  const reasons = () => log.map(({ fields }) => fields['reason']);
  return { clock, kube, recorder, dropped, log, reasons, events, told };
}

describe('EventRecorder', () => {
  test('writes an Event with the object it is about', async (t) => {
    const it = setup(t);
    it.recorder.record(event('port "htp" is not a container port'));
    await it.clock.advance(10);
    const [made] = it.events();
    assert.deepEqual(made?.regarding, {
      apiVersion: 'v1',
      kind: 'Pod',
      namespace: 'shop',
      name: 'web-1',
      uid: 'uid-of-web-1',
    });
    assert.equal(made.reportingController, 'kube-registrar.io/registrar');
    assert.equal(made.reportingInstance, 'kube-registrar-0');
    assert.equal(made.eventTime, '2026-01-01T00:00:00.000000Z');
  });

  test('counts repetitions in the series of the first', async (t) => {
    const it = setup(t);
    for (let time = 0; time < 3; time++) {
      it.recorder.record(event('a'));
      await it.clock.advance(60_000);
    }
    assert.deepEqual(it.told(), [['a', 3]]);
    assert.equal(it.events()[0]?.series?.lastObservedTime, '2026-01-01T00:02:00.000000Z');
  });

  test('begins anew when the API server has forgotten the first', async (t) => {
    const it = setup(t);
    it.recorder.record(event('a'));
    await it.clock.advance(3_600_000);
    const [first] = it.events();
    it.kube.store.delete('events', 'shop', first!.metadata!.name!);
    it.recorder.record(event('a'));
    await it.clock.advance(10);
    assert.deepEqual(it.told(), [['a', 1]]);
    assert.equal(it.events()[0]?.eventTime, '2026-01-01T01:00:00.000000Z');
  });

  test('tries again after a fault, and writes nothing twice when only the answer was lost', async (t) => {
    const it = setup(t);
    let faults = 0;
    it.kube.faults.intercept = () => {
      faults += 1;
      if (faults === 1) return { kind: 'answer', status: 503 };
      return faults === 2 ? { kind: 'reset', applied: true } : undefined;
    };
    it.recorder.record(event('a'));
    await it.clock.advance(10_000);
    assert.deepEqual(it.told(), [['a', 1]]);
    assert.equal(faults, 3);
    assert.deepEqual(it.dropped, []);
  });

  test('gives up an Event after five attempts, says so once, and says when it works again', async (t) => {
    const it = setup(t);
    it.kube.faults.intercept = () => ({ kind: 'answer', status: 503 });
    it.recorder.record(event('a'));
    it.recorder.record(event('b'));
    await it.clock.advance(120_000);
    assert.deepEqual(it.dropped, ['failed', 'failed']);
    assert.deepEqual(it.reasons(), ['EventsFailing']);
    it.kube.faults.intercept = undefined;
    it.recorder.record(event('a'));
    await it.clock.advance(10);
    assert.deepEqual(it.told(), [['a', 1]]);
    assert.deepEqual(it.reasons(), ['EventsFailing', 'EventsWritten']);
  });

  test('without the right says which one is missing, then keeps quiet and tries once a minute', async (t) => {
    const it = setup(t);
    let requests = 0;
    it.kube.faults.intercept = ({ path }) => {
      requests += 1;
      return path.includes('/shop/') ? { kind: 'answer', status: 403 } : undefined;
    };
    it.kube.addNamespace('pay');
    for (let number = 0; number < 5; number++) it.recorder.record(event(`${number}`));
    it.recorder.record(event('elsewhere', 'pay-1', 'pay'));
    await it.clock.advance(30_000);
    assert.equal(requests, 2, 'one for each namespace');
    assert.deepEqual(it.reasons(), ['EventsForbidden']);
    assert.match(String(it.log[0]?.fields['hint']), /create and patch on events/);
    assert.equal(it.dropped.filter((why) => why === 'forbidden').length, 5);
    assert.deepEqual(it.told(), [['elsewhere', 1]]);
    await it.clock.advance(30_001);
    it.kube.faults.intercept = undefined;
    it.recorder.record(event('0'));
    await it.clock.advance(10);
    assert.deepEqual(it.reasons(), ['EventsForbidden', 'EventsAllowed']);
    assert.equal(it.told().length, 2);
  });

  test('a flood is written at ten a second, and what does not fit is counted', async (t) => {
    const it = setup(t);
    for (let number = 0; number < 5_000; number++) it.recorder.record(event('a', `web-${number}`));
    assert.equal(it.dropped.length, 5_000 - 4_096);
    assert.ok(it.dropped.every((why) => why === 'overflow'));
    await it.clock.advance(0);
    assert.equal(it.events().length, 100);
    await it.clock.advance(10_000);
    assert.equal(it.events().length, 200);
  });

  test('never waits: an API server that does not answer holds up nothing but Events', async (t) => {
    const it = setup(t);
    it.kube.faults.intercept = () => ({ kind: 'hang' });
    for (let number = 0; number < 26; number++) it.recorder.record(event('a'));
    assert.deepEqual(it.dropped, ['limited']);
    await it.clock.advance(300_000);
    assert.deepEqual(it.dropped, ['limited', 'failed']);
  });
});
