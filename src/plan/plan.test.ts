import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  desired,
  entry,
  instance,
  nodeName,
  observed,
  owner,
  readiness,
} from '../../test/support/entries.ts';
import type { EntryRef } from '../model/entry-ref.ts';
import { checkId, instanceId, serviceName } from '../model/keys.ts';
import type { Held } from './finding.ts';
import type { ObservedNode } from './observed.ts';
import { plan } from './plan.ts';

const onNode: EntryRef = { kind: 'node', node: nodeName };
const nodeCheck: EntryRef = { kind: 'node-check', node: nodeName, check: checkId('kubernetes-node') };
const web: EntryRef = {
  kind: 'instance',
  node: nodeName,
  instance: instanceId('web'),
  service: serviceName('web'),
};
const webCheck: EntryRef = { ...web, kind: 'instance-check', check: checkId('web:readiness') };

/** One instance becomes critical and gets other tags, another is new; the node and its check change, too. */
const wanted = entry([
  instance('web', { tags: ['new'], checks: [readiness('web', 'critical')] }),
  instance('more', { checks: [] }),
]);
const is = entry([instance('web')]);
const before = observed({ ...is, address: '192.168.0.9', checks: [] });

const steps = ['node', 'check kubernetes-node', 'instance more', 'check web:readiness', 'instance web'];

function heldSteps(held: readonly Held[], from: ObservedNode | 'absent' = before) {
  const { nodes, summary } = plan(
    [{ desired: desired(wanted), observed: from === 'absent' ? undefined : from }],
    { owner, held },
  );
  const all = nodes.flatMap((node) => node.steps);
  const names = all.flatMap((step) =>
    step.held ? [step.entry === 'node' ? 'node' : `${step.entry} ${step.id}`] : [],
  );
  return { names: names.sort(), by: new Set(all.flatMap(({ heldBy }) => heldBy ?? [])), summary, all };
}

const byConsul = (at: EntryRef, until: number | undefined): Held => ({
  kind: 'held',
  by: 'consul',
  what: 'write',
  at,
  because: 'refused',
  error: 'no',
  until,
});
const byConflict = (at: EntryRef, until: number | undefined): Held => ({
  kind: 'held',
  by: 'conflict',
  what: 'write',
  at,
  because: 'conflict',
  until,
});

describe('plan() marks the steps that are not written now', () => {
  test('nothing is held: every step is one to write', () => {
    const { names, summary, all } = heldSteps([]);
    assert.deepEqual(names, []);
    assert.deepEqual(
      all.map(({ entry: kind, id }) => (kind === 'node' ? 'node' : `${kind} ${id}`)).sort(),
      [...steps].sort(),
    );
    assert.equal(summary.held, 0);
  });

  const rows: [what: string, at: EntryRef, held: string[]][] = [
    ['the node, but not what is on it', onNode, ['node']],
    ['a check of the node', nodeCheck, ['check kubernetes-node']],
    ['an instance with its checks', web, ['check web:readiness', 'instance web']],
    ['a check of an instance', webCheck, ['check web:readiness']],
  ];
  for (const [what, at, held] of rows) {
    for (const [who, of] of [
      ['consul', byConsul],
      ['conflict', byConflict],
    ] as const) {
      test(`${who}: ${what}`, () => {
        const { names, by, summary } = heldSteps([of(at, 1_000)]);
        assert.deepEqual(names, held);
        assert.deepEqual([...by], [who]);
        assert.equal(summary.held, held.length);
        assert.equal(who === 'consul' ? summary.heldByConsul : summary.heldByConflict, held.length);
      });

      test(`${who}: ${what}: no step once the next try is due`, () => {
        const { names, summary } = heldSteps([of(at, undefined)]);
        assert.deepEqual(names, []);
        assert.equal(summary.held, 0);
      });
    }
  }

  test('without the node nothing on it can be written', () => {
    const { names, all } = heldSteps([byConsul(onNode, 1_000)], 'absent');
    assert.equal(names.length, all.length);
  });

  test('what somebody else changed and what is repaired again is not among the findings', () => {
    const of = (held: Held) =>
      plan([{ desired: desired(wanted), observed: before }], { owner, held: [held] });
    const findings = (held: Held) => of(held).nodes.flatMap((node) => node.findings);
    assert.equal(findings(byConflict(web, 1_000)).length, 1);
    assert.equal(findings(byConflict(web, undefined)).length, 0);
    assert.equal(findings(byConsul(web, undefined)).length, 1);
  });
});
