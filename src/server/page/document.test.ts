import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anObserved } from '../../../test/support/observed-nodes.ts';
import { sampleReading } from '../../../test/support/sample-reading.ts';
import type { CheckStatus } from '../../model/check.ts';
import { serviceName } from '../../model/keys.ts';
import { ServiceCounts } from '../../reconcile/service-counts.ts';
import { html } from '../html.ts';
import type { Reading } from '../reading.ts';
import { documentOf, type PagePath, pageOf, pagePaths } from './document.ts';
import { queryOf } from './query.ts';

/** The document for an address such as `/services?q=web`. */
async function show(target: string, changed: Partial<Reading> = {}): Promise<string> {
  const path = target.split('?', 1)[0] as PagePath;
  const reading = { ...sampleReading, ...changed };
  return documentOf(await pageOf(path, queryOf(target), reading, () => undefined));
}

/** Nodes `n0`, `n1` … with one instance of each of these services. */
function cluster(services: Readonly<Record<string, CheckStatus>>, nodes = 1): Partial<Reading> {
  const each = Object.fromEntries(Object.entries(services).map(([name, status]) => [name, [status]]));
  const all = Array.from({ length: nodes }, (_, at) => anObserved(`n${at}`, each));
  return { nodes: all, services: new ServiceCounts(() => all).now };
}

/** The names of the elements left open at the end, with the document walked tag by tag. */
function unclosed(page: string): string[] {
  const open: string[] = [];
  for (const [, slash, name] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s[^>]*)?(?<!\/)>/g)) {
    if (['meta', 'link', 'br', 'input'].includes(name!)) continue;
    if (slash !== '/') open.push(name!);
    else assert.equal(open.pop(), name, `</${name}> closes something else`);
  }
  return open;
}

const rowNames = (page: string): string[] =>
  [...page.matchAll(/<tr><th scope="row"[^>]*>(?:<a [^>]*>)?([^<]*)/g)].map(([, name]) => name!);

describe('the overview', () => {
  test('shows the state, what is wrong, how much there is, Consul, reflectors and the process', async () => {
    const page = await show('/');
    for (const text of [
      '<title>1 problem · east – kube-registrar</title>',
      '>1 problem</span> <span class="badge calm">1 held</span>',
      '6f1c2a90-0000-4000-8000-000000000001',
      'http://127.0.0.1:8500',
      'nodes is forbidden',
      'Pod shop/web-1',
      '>error</span>',
      'did you mean &#34;http&#34;?',
      'kube-registrar release east-node-1',
      '<b>5</b> <small>1 critical, 0 warning</small>',
      'pod shop/web-0 (web) registered at 10.0.0.1:8080, passing',
      '31 ms',
    ]) {
      assert.ok(page.includes(text), text);
    }
  });

  test('says on a standby whom to ask for problems and holds, and shows what it follows', async () => {
    const leadership = { ...sampleReading.leadership, state: 'standby', holder: 'registrar-b_1-2' } as const;
    const standby = { leadership, problems: [], findings: [], changes: [] };
    for (const path of ['/', '/problems', '/held', '/changes']) {
      assert.match(
        await show(path, standby),
        /Only the leader knows problems, holds and changes; ask the leader, registrar-b\./,
      );
      assert.doesNotMatch(await show(path, standby), /No problems|Nothing is held|Nothing has been written/);
    }
    assert.match(await show('/', standby), /<title>Standby, registrar-b leads · east/);
    assert.match(await show('/', standby), /registered<\/small>/);
    const alone = await show('/', { ...standby, leadership: { ...leadership, holder: null } });
    assert.match(alone, /no replica is leading at the moment/);
  });

  test('says what it waits for and what may not be read', async () => {
    const page = await show('/', {
      waitingFor: ['nodes: not listed yet'],
      degraded: ['pods in old: may not be read'],
    });
    assert.match(page, /Not in sync yet/);
    assert.match(page, /<li>nodes: not listed yet<\/li>/);
    assert.match(page, /<li>pods in old: may not be read<\/li>/);
  });

  test('has room for what is not well first', async () => {
    const many = Array.from(
      { length: 40 },
      (_, at) => [`s${at}`, at === 37 ? 'critical' : 'passing'] as const,
    );
    const page = await show('/', cluster(Object.fromEntries(many)));
    assert.match(page, /<a href="\.\/instances\?service=s37">s37<\/a>[\s\S]*>s0</);
    assert.match(page, /All 40 services/);
  });
});

describe('the list of services', () => {
  const services = Object.fromEntries(
    Array.from({ length: 120 }, (_, at): [string, CheckStatus] => [
      `s${String(at).padStart(3, '0')}`,
      at === 118 ? 'warning' : at >= 60 ? 'critical' : 'passing',
    ]),
  );

  test('puts what is not well first, on as many pages as it takes', async () => {
    const first = rowNames(await show('/services', cluster(services)));
    assert.deepEqual([first.length, first[0], first[49]], [50, 's060', 's109']);
    const second = rowNames(await show('/services?page=2', cluster(services)));
    assert.deepEqual(second.slice(8, 11), ['s119', 's118', 's000']);
    const page = await show('/services?page=2', cluster(services));
    assert.match(page, /page 2 of 3, 120 services/);
    assert.match(page, /<a rel="prev" href="\.\/services">Previous/);
    assert.match(page, /<a rel="next" href="\.\/services\?page=3">Next/);
  });

  test('finds names in whatever case, sorts, and says when there is none', async () => {
    assert.deepEqual(rowNames(await show('/services?q=S11&sort=name', cluster(services))).slice(0, 2), [
      's110',
      's111',
    ]);
    assert.match(await show('/services?sort=name', cluster(services)), /aria-sort="ascending"/);
    const two = anObserved('n9', { big: ['passing', 'passing'], small: ['passing'] });
    const sized = { nodes: [two], services: new ServiceCounts(() => [two]).now };
    assert.deepEqual(rowNames(await show('/services?sort=instances', sized)), ['big', 'small']);
    assert.match(await show('/services?q=%5Ba(*', cluster(services)), /No service matches the search/);
    assert.deepEqual(
      rowNames(await show('/services?page=99', cluster(services))).length,
      20,
      'the last page there is',
    );
  });
});

describe('the page of a service', () => {
  const two = cluster({ web: 'passing', api: 'critical' }, 3);

  test('shows its instances with node, address, checks and their output, and how to see the object', async () => {
    const page = await show('/instances?service=api', two);
    assert.match(page, /<h2>Service api<\/h2>/);
    assert.match(page, />3 critical</);
    assert.match(page, /shop\/api-0/);
    assert.match(page, /<code class="command">kubectl -n shop describe pod api-0<\/code>/);
    assert.match(page, /Kubernetes readiness: containers of api-0 are not ready/);
    assert.match(page, /href="\.\/instances\?node=n2"/);
    assert.doesNotMatch(page, /web-0/);
  });

  test('counts an instance on a critical node as critical, and puts it first', async () => {
    const nodes = [
      anObserved('n1', { web: ['passing'] }),
      anObserved('n2', { web: ['passing'] }, 'critical'),
    ];
    const page = await show('/instances?service=web', {
      nodes,
      services: new ServiceCounts(() => nodes).now,
    });
    assert.match(page, /n2[\s\S]*shop\.web-0\.n1\./);
    const only = await show('/instances?service=web&status=critical', { nodes });
    assert.equal(rowNames(only).length, 1);
  });

  test('finds instances by pod, address and node, and says when a service is not there', async () => {
    assert.equal(rowNames(await show('/instances?q=API-0', two)).length, 3);
    assert.equal(rowNames(await show('/instances?node=n1', two)).length, 2);
    assert.match(await show('/instances?service=gone', two), /It has no registered instances/);
    assert.match(await show('/instances?service=gone', two), /No instance found/);
  });

  test('offers no command for a name that would mean something to a shell', async () => {
    const [node] = two.nodes!;
    const [known] = node!.instances.values();
    const meta = { ...known!.meta, 'kube-pod': 'x;reboot' };
    const nodes = [{ ...node!, instances: new Map([[known!.id, { ...known!, meta }]]) }];
    assert.match(await show('/instances', { nodes }), /shop\/x;reboot/);
    assert.doesNotMatch(await show('/instances', { nodes }), /describe pod x/);
  });
});

describe('problems and holds', () => {
  test('errors come before warnings, in words', async () => {
    const [line] = sampleReading.problems;
    const warning = { ...line!, item: { ...line!.item, severity: 'warning', message: 'slow' } } as const;
    const page = await show('/problems', { problems: [warning, line!] });
    assert.match(page, />error<[\s\S]*>warning</);
    assert.equal(rowNames(await show('/problems?q=slow', { problems: [warning, line!] })).length, 1);
  });

  test('holds of the guard come first, with the command that approves them', async () => {
    const page = await show('/held', { findings: [...sampleReading.findings].reverse() });
    assert.match(page, />guard<[\s\S]*kube-registrar release east-node-1[\s\S]*>conflict</);
    assert.match(page, />2 entries</);
    assert.equal(rowNames(await show('/held?q=conflict')).length, 1);
    assert.match(await show('/held?q=conflict'), />1 entry</);
  });

  test('what others changed is shown with what it was', async () => {
    assert.match(
      await show('/changes'),
      />edited<[\s\S]*tags: \[&#34;a&#34;\] → \[&#34;theirs&#34;\][\s\S]*>7</,
    );
  });
});

describe('every page', () => {
  test('has a language, one h1, header cells with a scope, and loads its own resources only', async () => {
    for (const path of pagePaths) {
      const page = await show(path);
      assert.match(page, /<html lang="en">/);
      assert.equal(page.match(/<h1/g)?.length, 1);
      assert.doesNotMatch(page, /<th>|<style|style="|<img|\son[a-z]+="|@import|url\(/);
      assert.doesNotMatch(page, /(?:href|src|action)="(?!\.\/)/, 'relative, also behind a proxy');
      assert.match(page, new RegExp(`href="\\.${path.replaceAll('/', '\\/')}" aria-current="page"`));
    }
  });

  test('is well-formed, also with nothing to show', async () => {
    const empty = {
      reflectors: [],
      nodes: [],
      services: new Map(),
      problems: [],
      findings: [],
      drift: [],
      changes: [],
      history: [],
    };
    for (const path of pagePaths) {
      assert.deepEqual(unclosed(await show(path)), [], path);
      assert.deepEqual(unclosed(await show(path, empty)), [], path);
    }
    assert.match(await show('/problems', empty), /No problems\./);
    assert.match(await show('/held', empty), /Nothing is held\./);
  });

  test('shows what would turn the text around or steer a terminal', async () => {
    const [line] = sampleReading.problems;
    const message = 'a\u202eb\u009bc\u2067<';
    const shown = await show('/problems', { problems: [{ ...line!, item: { ...line!.item, message } }] });
    assert.ok(shown.includes('a\\u202eb\\u009bc\\u2067&#60;'));
  });

  test('no text of a user, of Consul or of a request becomes markup', async () => {
    const tags = (document: string) =>
      document.match(/<[^>]*>/g)?.map((tag) => tag.replaceAll(/"[^"]*"/g, '""'));
    const [line] = sampleReading.problems;
    const [drift] = sampleReading.drift;
    const hostile = (text: string): Partial<Reading> => {
      const [known] = anObserved('n1', { web: ['critical'] }).instances.values();
      const checks = new Map(
        [...known!.checks].map(([id, check]) => [id, { ...check, name: text, output: text }]),
      );
      const meta = { 'kube-namespace': 'shop', 'kube-pod': `;${text}` };
      const instance = { ...known!, address: text, service: serviceName(`s${text}`), meta, checks };
      const node = { ...anObserved('n1', {}), instances: new Map([[known!.id, instance]]) };
      return {
        clusterName: text,
        nodes: [node],
        services: new ServiceCounts(() => [node]).now,
        problems: [{ ...line!, item: { ...line!.item, field: `f${text}`, message: text } }],
        drift: [
          { ...drift!, drift: { ...drift!.drift, fields: [{ field: text, before: text, after: text }] } },
        ],
      };
    };
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom(...'<>&"\'/a ='), minLength: 1 }), async (text) => {
        for (const path of pagePaths) {
          assert.deepEqual(tags(await show(path, hostile(text))), tags(await show(path, hostile('a'))), path);
        }
        const q = encodeURIComponent(text);
        assert.deepEqual(tags(await show(`/services?q=x${q}`)), tags(await show('/services?q=xx')));
      }),
      { numRuns: 30 },
    );
  });
});

describe('html``', () => {
  test('escapes text, in elements and attributes, and keeps HTML', async () => {
    const inner = html`<b>${'<&>"\''}</b>`;
    assert.equal(
      html`<p title="${'"'}">${[inner, 1]}</p>`.text,
      '<p title="&#34;"><b>&#60;&#38;&#62;&#34;&#39;</b>1</p>',
    );
  });

  test('cuts a text that nobody would read to its end, and no HTML', () => {
    const inner = html`<b>${'<'.repeat(10_000)}</b>`;
    assert.equal(html`<p>${inner}</p>`.text, `<p><b>${'&#60;'.repeat(1_997)}…</b></p>`);
    const short = '<'.repeat(2_000);
    assert.equal(html`${short}`.text, '&#60;'.repeat(2_000));
  });
});
