import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { sampleStatus } from '../../test/support/sample-status.ts';
import { html } from './html.ts';
import { statusPage } from './page.ts';
import type { Status } from './status.ts';

/** The names of the elements left open at the end, with the document walked tag by tag. */
function unclosed(page: string): string[] {
  const open: string[] = [];
  for (const [, slash, name] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s[^>]*)?>/g)) {
    if (name === 'meta') continue;
    if (slash !== '/') open.push(name!);
    else assert.equal(open.pop(), name, `</${name}> closes something else`);
  }
  return open;
}

describe('statusPage()', () => {
  const page = statusPage(sampleStatus);

  test('shows cluster, Consul, reflectors, nodes, services, problems and the queue', () => {
    for (const text of [
      'east',
      '6f1c2a90-0000-4000-8000-000000000001',
      'http://127.0.0.1:8500',
      'nodes is forbidden',
      'east-node-1',
      '18 passing, 0 warning, 2 critical',
      'Pod shop/web-1',
      'InvalidAnnotation',
      'did you mean &#34;http&#34;?',
      '3 waiting, the first for 250ms',
      '1.5s ago',
    ]) {
      assert.ok(page.includes(text), text);
    }
  });

  test('shows what would turn the text around or steer a terminal', () => {
    const [problem] = sampleStatus.problems;
    const message = 'a\u202eb\u009bc\u2067<';
    const shown = statusPage({ ...sampleStatus, problems: [{ ...problem!, message }] });
    assert.ok(shown.includes('a\\u202eb\\u009bc\\u2067&#60;'));
  });

  test('shows what others change in Consul, and what is fought over', () => {
    assert.match(page, /<h2>Held \(2\)<\/h2>/);
    assert.match(page, />shop\.web-3\.\S+ of web<\/th><td>east-node-1<\/td>/);
    assert.match(page, /<h2>Recent drift \(1\)<\/h2>/);
    assert.match(page, />edited<.*tags: \[&#34;a&#34;\] → \[&#34;theirs&#34;\].*>7</);
    const calm = statusPage({ ...sampleStatus, drift: [], held: [] });
    assert.match(calm, /Nobody else has changed an entry lately\./);
    assert.match(calm, /Nothing is held\./);
  });

  test('says in words whether it is in sync and what is missing', () => {
    const state = { kind: 'consul-down', text: 'Consul unreachable since noon', also: ['2 held'] } as const;
    const down = statusPage({ ...sampleStatus, state });
    assert.match(down, /<title>Consul unreachable since noon · east – kube-registrar<\/title>/);
    assert.match(down, /<span class="bad">Consul unreachable since noon<\/span>; 2 held\./);
    const degraded = statusPage({ ...sampleStatus, degraded: ['pods in old: may not be read'] });
    assert.match(degraded, /<li>pods in old: may not be read<\/li>/);
    const waiting = statusPage({ ...sampleStatus, waitingFor: ['nodes: not listed yet'] });
    assert.match(waiting, /<li>nodes: not listed yet<\/li>/);
  });

  test('says on a standby whom to ask for problems and holds, and shows what it follows', () => {
    const leadership = { ...sampleStatus.leadership, state: 'standby', holder: 'registrar-b_1-2' } as const;
    const standby = statusPage({ ...sampleStatus, leadership, problems: [], held: [] });
    assert.match(standby, /only the leader knows; ask the leader, registrar-b\./);
    assert.doesNotMatch(standby, /No problems|Nothing is held/);
    assert.match(standby, /east-node-1/);
    assert.deepEqual(unclosed(standby), []);
    const alone = statusPage({ ...sampleStatus, leadership: { ...leadership, holder: null } });
    assert.match(alone, /nobody leads at the moment/);
  });

  test('has a language, a title, one h1, header cells with a scope and no outside resource', () => {
    assert.match(page, /<html lang="en">/);
    assert.match(page, /<title>[^<]+<\/title>/);
    assert.equal(page.match(/<h1>/g)?.length, 1);
    assert.doesNotMatch(page, /<th>/);
    assert.doesNotMatch(page, /<script|<link|<img|src=|@import|url\(/);
  });

  test('is well-formed, also with nothing to show', () => {
    const empty: Status = { ...sampleStatus, reflectors: [], nodes: [], services: [], problems: [] };
    for (const document of [page, statusPage(empty)]) assert.deepEqual(unclosed(document), []);
    assert.match(statusPage(empty), /No problems\./);
  });

  test('cuts long tables and says where the rest is', () => {
    const services = Array.from({ length: 1_000 }, (_, i) => ({
      name: `s-${i}`,
      passing: 1,
      warning: 0,
      critical: 0,
    }));
    const long = statusPage({ ...sampleStatus, services });
    assert.match(long, /Services \(1000\)/);
    assert.match(long, /800 more are in/);
    assert.doesNotMatch(long, /s-200</);
  });

  test('puts what is not well on top and cuts none of it off', () => {
    const services = Array.from({ length: 1_000 }, (_, i) => ({
      name: `s-${i}`,
      passing: 1,
      warning: i === 998 ? 1 : 0,
      critical: i >= 500 && i < 900 ? 1 : 0,
    }));
    const long = statusPage({ ...sampleStatus, services });
    const shown = [...long.matchAll(/>(s-\d+)</g)].map(([, name]) => name);
    assert.equal(shown.length, 401);
    assert.deepEqual([shown[0], shown[399], shown[400]], ['s-500', 's-899', 's-998']);
  });

  test('no text of a user becomes markup', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'<>&"\'/a =') }), (text) => {
        const [problem] = sampleStatus.problems;
        const hostile = statusPage({
          ...sampleStatus,
          cluster: { name: text, uid: text },
          problems: [{ ...problem!, field: text, message: text, object: { ...problem!.object, name: text } }],
          services: [{ name: text, passing: 1, warning: 0, critical: 0 }],
        });
        const tags = (document: string) => document.match(/<[^>]*>/g);
        assert.deepEqual(tags(hostile), tags(page));
      }),
    );
  });
});

describe('html``', () => {
  test('escapes text, in elements and attributes, and keeps HTML', () => {
    const inner = html`<b>${'<&>"\''}</b>`;
    assert.equal(
      html`<p title="${'"'}">${[inner, 1]}</p>`.text,
      '<p title="&#34;"><b>&#60;&#38;&#62;&#34;&#39;</b>1</p>',
    );
  });
});
