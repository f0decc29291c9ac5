import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { desired, entry, instance, observed, owner, readiness } from '../../test/support/entries.ts';
import { plan } from './plan.ts';
import { renderText } from './render.ts';

const bare = entry([], { checks: [] });
const example = plan(
  [
    {
      desired: desired(
        entry(
          [
            instance('new', { meta: {}, checks: [] }),
            instance('web-1', { tags: ['c'], checks: [readiness('web-1', 'critical', 'probe failed: 500')] }),
          ],
          { checks: [] },
        ),
      ),
      observed: observed({ ...bare, instances: entry([instance('old'), instance('web-1')]).instances }),
    },
  ],
  { owner },
);

describe('renderText()', () => {
  test('shows every entry with its fields, then the sum', () => {
    assert.equal(
      renderText(example),
      `demo-worker-1
  + instance new of web
      address: 10.0.0.1
      port: 8080
      service: web
      tags: ["a","b"]
      weights: 1/1
  - instance old of web
  ~ instance web-1 of web
      tags: ["a","b"] → ["c"]
  ~ check web-1:readiness
      output: "" → "probe failed: 500"
      status: passing → critical
      tags: ["a","b"] → ["c"]

Plan: 1 to add, 2 to change, 1 to remove on 1 node.
`,
    );
  });

  test('colours only when asked to', () => {
    assert.ok(!renderText(example).includes('\u001b'));
    assert.ok(renderText(example, { colour: true }).includes('\u001b[31m  - instance old of web\u001b[0m'));
  });

  test('says so when there is nothing to do', () => {
    assert.equal(renderText(plan([], { owner })), 'Nothing to do: Consul is in sync with the cluster.\n');
  });

  test('shows what was noticed', () => {
    const foreign = { ...observed(bare), meta: {}, stampedBefore: false };
    const text = renderText(plan([{ desired: desired(bare), observed: foreign }], { owner }));
    assert.match(text, /! node demo-worker-1 exists without this operator's stamp; nothing on it is touched/);
    assert.match(text, /Nothing to do: .* 1 finding\.\n$/);
  });

  test('does not let a foreign name command the terminal', () => {
    const seen = observed(entry([instance('evil\u001b[2J')], { checks: [] }));
    assert.ok(!renderText(plan([{ desired: desired(bare), observed: seen }], { owner })).includes('\u001b'));
  });
});
