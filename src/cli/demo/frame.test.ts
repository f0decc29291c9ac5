import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { progress, stepResult } from '../../../test/support/demo-samples.ts';
import { frame } from './frame.ts';
import { glyphsFor } from './glyphs.ts';
import type { Progress } from './progress.ts';
import { paint } from './span.ts';

const glyphs = glyphsFor({});
const draw = (what: Progress, columns = 80, rows = 30, signs = glyphs) =>
  frame(what, { columns, rows, glyphs: signs }).map((line) => paint(line, false).trimEnd());

describe('frame()', () => {
  test('shows what runs, the step in words, what is waited for, the instances, what is done and the log', () => {
    assert.deepEqual(draw(progress), [
      'kube-registrar demo                                           step 3 of 4   12 s',
      'Kubernetes in memory → operator → Consul in memory → consumer',
      '─'.repeat(80),
      '3. A readiness probe fails',
      'The pod stays registered and turns critical, with the reason as the output of',
      'its check, which DNS follows.',
      '',
      '  ✔ web: 1 of 2 passing (1 of 2 now)',
      '  · waiting for one critical',
      '',
      '',
      '',
      'SERVICE  STATUS       POD    NODE    ADDRESS          TAG',
      'web      ● passing    web-1  node-1  10.128.0.1:8080  v1',
      '         ✖ critical   web-2  node-2  10.128.0.1:8080  -    ContainersNotReady: …',
      'search   no instance',
      '',
      '',
      '',
      '',
      '',
      '',
      'DONE',
      '  ✔ The operator starts',
      '  ✔ Pods come up         seen after 3.4 ms (median of 3; slowest 12 ms)',
      '',
      'LOG OF THE OPERATOR, without its fields',
      '16:00:00.000 INFO  started',
      '16:00:01.000 INFO  shop/web-2 (web) is critical: ContainersNotReady',
    ]);
  });

  test('says what a step came to', () => {
    const current = { ...progress.current!, result: stepResult({ latenciesMs: [2.1] }) };
    assert.ok(draw({ ...progress, current }).includes('  → seen after 2.1 ms; 3 instances, 9 operations'));
    const missed = { ...current, result: stepResult({ outcome: 'missed', tookMs: 5_000 }) };
    assert.ok(draw({ ...progress, current: missed }).includes('  → FAILED: not reached within 5.0 s'));
  });

  test('counts what runs beside the scenario in one line below the instances', () => {
    const lines = draw({ ...progress, load: '3 more services: 7 of 12 instances passing' });
    const at = lines.indexOf('3 more services: 7 of 12 instances passing');
    assert.equal(lines[at - 1], 'search   no instance');
  });

  test('keeps status and reason in view at 60 columns, where tags and addresses are cut', () => {
    const lines = draw(progress, 60, 30);
    assert.ok(
      lines.some((line) => /^ +✖ critical +web-2/.test(line)),
      lines.join('\n'),
    );
  });

  test('needs neither colour nor special signs to tell passing from critical', () => {
    const lines = draw(progress, 80, 30, glyphsFor({ TERM: 'linux' }));
    assert.ok(lines.some((line) => line.includes('* passing ')));
    assert.ok(lines.some((line) => line.includes('x critical ')));
    assert.ok(lines.every((line) => /^[\x20-\x7e]*$/.test(line)));
  });

  test('shows after the scenario how to reach it, in place of a step, and what has to be set at any height', () => {
    const invitation = ['Everything keeps running', '  export A=1', '  export B=2', ...'efghij'];
    const kept = { ...progress, current: undefined, results: [], invitation };
    assert.deepEqual(draw(kept, 80, 40).slice(3, 12), invitation);
    const low = draw(kept, 80, 24);
    assert.deepEqual(low.slice(3, 6), invitation.slice(0, 3));
    assert.ok(low.some((line) => line.includes('● passing')));
  });

  test('shows the status in the narrowest terminal that shows anything of an instance', () => {
    const lines = draw(progress, 22, 30);
    assert.ok(
      lines.some((line) => line.startsWith('web      ● passing')),
      lines.join('\n'),
    );
  });

  test('never exceeds the terminal, however small, and draws something before the first step', () => {
    for (const what of [progress, { ...progress, current: undefined, results: [], log: [] }]) {
      for (const columns of [1, 2, 7, 20, 61, 80, 300]) {
        for (const rows of [1, 2, 5, 12, 24, 29, 30, 31, 60]) {
          const lines = draw(what, columns, rows);
          assert.ok(lines.length <= rows && lines.length > 0, `${lines.length} lines in ${rows} rows`);
          assert.ok(lines.every((line) => line.length <= columns));
        }
      }
    }
  });

  test('keeps a few lines of log in a terminal of 24 rows, and gives them the room there is', () => {
    const log = Array.from({ length: 50 }, (_, number) => `line ${number}`);
    const tight = draw({ ...progress, log }, 80, 24);
    assert.deepEqual(tight.slice(-3), ['line 47', 'line 48', 'line 49']);
    assert.equal(tight.length, 24);
    assert.equal(draw({ ...progress, log }, 80, 50).filter((line) => line.startsWith('line')).length, 23);
  });

  test('shows the latest of the steps that are done when there is no room for all', () => {
    const results = Array.from({ length: 20 }, (_, number) => stepResult({ title: `Step ${number}` }));
    const lines = draw({ ...progress, results }, 80, 34).filter((line) => line.includes('✔ Step'));
    assert.equal(lines.length, 6);
    assert.match(lines.at(-1)!, /Step 19 {2}seen/);
  });
});
