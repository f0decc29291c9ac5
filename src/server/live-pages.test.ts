import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sampleReading } from '../../test/support/sample-reading.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { LivePages, type Viewer } from './live-pages.ts';
import { Pages } from './page/pages.ts';
import type { Reading } from './reading.ts';

interface Update {
  readonly title: string;
  readonly tone: string;
  readonly kind: string;
  readonly ids: readonly string[];
  readonly changed: Readonly<Record<string, string>>;
}

function setup() {
  const clock = new VirtualClock();
  let reading: Reading = sampleReading;
  let readings = 0;
  let failure: Error | undefined;
  const source = {
    reading: () => {
      readings += 1;
      if (failure !== undefined) throw failure;
      return reading;
    },
  };
  const pages = new Pages(source, clock);
  const errors: unknown[] = [];
  const live = new LivePages({ pages, clock, onError: (_target, thrown) => errors.push(thrown) });
  const open = (target: string) => {
    const updates: Update[] = [];
    const viewer: Viewer & { isFull: boolean; isEnded: boolean } = {
      isFull: false,
      isEnded: false,
      send: (text) => updates.push(JSON.parse(text.replace(/^data: /, '')) as Update),
      end: () => {
        viewer.isEnded = true;
      },
    };
    const joined = live.join(pages.keyOf(target)!, target, viewer);
    return { updates, viewer, leave: () => joined[Symbol.dispose]() };
  };
  const now = (changed: Partial<Reading>) => {
    reading = { ...reading, ...changed };
  };
  const fail = (error: Error) => {
    failure = error;
  };
  return { clock, live, open, now, fail, errors, readings: () => readings };
}

describe('LivePages', () => {
  test('sends the whole page first, and then only sections that changed', async () => {
    const { clock, open, now } = setup();
    const { updates, leave } = open('/held');
    await clock.settle();
    assert.deepEqual(Object.keys(updates[0]!.changed), ['state', 'held']);
    await clock.advance(5_000);
    assert.equal(updates.length, 1, 'nothing has changed');
    now({ findings: [] });
    await clock.advance(1_000);
    assert.match(updates[1]!.changed['held']!, /Nothing is held/);
    now({ waitingFor: ['pods: not listed yet'] });
    await clock.advance(1_000);
    assert.deepEqual(Object.keys(updates[2]!.changed), ['state']);
    assert.deepEqual([updates[2]!.kind, updates[2]!.tone], ['starting', 'fair']);
    assert.match(updates[2]!.title, /^Not in sync yet · east/);
    leave();
  });

  test('names the sections that there are, so that others can go', async () => {
    const { clock, open, now } = setup();
    const { updates, leave } = open('/');
    await clock.settle();
    assert.ok(updates[0]!.ids.includes('problems'));
    now({ problems: [] });
    await clock.advance(1_000);
    assert.ok(!updates[1]!.ids.includes('problems'));
    leave();
  });

  test('makes a page once a second for all who have it open, and none while nobody looks', async () => {
    const { clock, open, readings } = setup();
    await clock.advance(10_000);
    assert.equal(readings(), 0);
    const all = ['/services?q=web', '/services?q=web', '/services?page=1&q=web'].map(open);
    await clock.settle();
    assert.equal(readings(), 1);
    await clock.advance(3_000);
    assert.equal(readings(), 4);
    for (const { leave } of all) leave();
    await clock.advance(10_000);
    assert.ok(readings() <= 5);
    assert.equal(clock.pending, 0);
    const { updates, leave } = open('/services?q=web');
    await clock.settle();
    assert.equal(updates.length, 1, 'somebody looks again');
    leave();
  });

  test('who cannot take more gets what was missed in one update', async () => {
    const { clock, open, now } = setup();
    const { updates, viewer, leave } = open('/held');
    await clock.settle();
    viewer.isFull = true;
    for (const wall of [1, 2, 3]) {
      now({ wall: sampleReading.wall + wall * 1_000, findings: sampleReading.findings.slice(wall) });
      await clock.advance(1_000);
    }
    assert.equal(updates.length, 1);
    viewer.isFull = false;
    await clock.advance(1_000);
    assert.deepEqual(Object.keys(updates[1]!.changed), ['state', 'held']);
    leave();
  });

  test('a page that cannot be made is reported, and its viewers come back later', async () => {
    const { clock, open, fail, errors } = setup();
    const { viewer, leave } = open('/held');
    await clock.settle();
    fail(new Error('broken'));
    await clock.advance(1_000);
    assert.match(String(errors[0]), /broken/);
    assert.ok(viewer.isEnded);
    leave();
  });

  test('ends all when it is closed', async () => {
    const { clock, live, open } = setup();
    const { viewer } = open('/');
    await clock.settle();
    live[Symbol.dispose]();
    assert.ok(viewer.isEnded);
    await clock.settle();
    assert.equal(clock.pending, 0);
  });
});
