/** The status pages in a real browser while what they show changes. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { RegistrarError } from '../../src/lib/errors.ts';
import { ServiceCounts } from '../../src/reconcile/service-counts.ts';
import type { Reading } from '../../src/server/reading.ts';
import { eventually } from '../support/eventually.ts';
import { anObserved } from '../support/observed-nodes.ts';
import { startBrowser, Tab, withoutBrowser } from '../support/real/browser.ts';
import { StatusPages } from '../support/real/status-pages.ts';
import { sampleReading } from '../support/sample-reading.ts';

const { reflectors, queue, wall, now, leadership, problems, findings } = sampleReading;
const [pods] = reflectors;
const away = new RegistrarError('unreachable', 'connect ECONNREFUSED');
const since = wall - 30_000;

/** Nothing to complain of. */
const well: Reading = {
  ...sampleReading,
  reflectors: [pods!],
  problems: [],
  findings: [],
  queue: { ...queue, depth: 0, oldestMs: 0, unanswered: 0, unansweredMs: 0 },
};

const states: readonly [changed: Partial<Reading>, text: string, tone: string][] = [
  [{ waitingFor: ['nodes: not listed yet'] }, 'Not in sync yet', 'fair'],
  [
    { reflectors: [{ ...pods!, lastError: { error: away, at: now, since: now - 30_000 } }] },
    'API server unreachable since 2026-01-01 00:00:30 UTC',
    'bad',
  ],
  [
    { consulUp: false, consulError: away, consulFailingSince: since },
    'Consul unreachable since 2026-01-01 00:00:30 UTC',
    'bad',
  ],
  [
    { leadership: { ...leadership, state: 'standby', holder: null } },
    'No replica leads, nothing is written',
    'bad',
  ],
  [
    { leadership: { ...leadership, state: 'standby', holder: 'registrar-b_1' } },
    'Standby, registrar-b leads',
    'calm',
  ],
  [
    { queue: { ...queue, unanswered: 3, unansweredMs: 25_000 } },
    'Catching up: 3 waiting, oldest 25 s',
    'fair',
  ],
  [{ problems }, '1 problem', 'bad'],
  [{ findings: findings.slice(0, 1) }, '1 held', 'fair'],
  [{}, 'In sync', 'good'],
];

/** Nodes with one instance each of services `s000`, `s001` … */
function services(count: number, critical = 0): Partial<Reading> {
  const names = Array.from({ length: count }, (_, at) => `s${String(at).padStart(3, '0')}`);
  const each = Object.fromEntries(
    names.map((name, at) => [name, [at < critical ? 'critical' : 'passing'] as const]),
  );
  const nodes = [anObserved('n1', each)];
  return { nodes, services: new ServiceCounts(() => nodes).now };
}

suite('the status pages while they change', { skip: await withoutBrowser() }, () => {
  let browser: Browser;
  let pages: StatusPages;

  before(async () => {
    browser = await startBrowser();
    pages = await StatusPages.start(well);
  });

  after(async () => {
    await browser?.close();
    await pages?.[Symbol.asyncDispose]();
  });

  /** A page that shows this reading and is live. */
  async function open(path: string, reading: Reading, width = 1280): Promise<Tab> {
    pages.reading = reading;
    const tab = await Tab.open(browser, `${pages.origin}${path}`, { width, scheme: 'light' });
    await tab.page.getByText('Live', { exact: true }).waitFor();
    return tab;
  }

  test('title, badge, icon and announcement follow the state', async () => {
    await using tab = await open('/', well);
    const { page } = tab;
    await page.evaluate(`
      spoken = [];
      new MutationObserver(() => spoken.push(announced.textContent)).observe(announced, { childList: true })`);
    for (const [changed, text, tone] of states) {
      pages.reading = { ...well, ...changed };
      await titled(page, `${text} · east – kube-registrar`);
      assert.equal(await page.locator('#state .badge').first().innerText(), text);
      const icon = await page.locator('link[rel=icon]').getAttribute('href');
      assert.equal(icon, `./favicon-${tone}.svg`, text);
      assert.equal((await fetch(new URL(icon!, `${pages.origin}/`))).status, 200);
    }
    assert.deepEqual(
      await page.evaluate('spoken'),
      states.map(([, text]) => text),
    );
    assert.deepEqual(tab.faults, []);
  });

  test('only a change of the state is announced, not each of its numbers', async () => {
    const late = (unanswered: number) => ({ ...well, queue: { ...queue, unanswered, unansweredMs: 5_000 } });
    await using tab = await open('/', late(3));
    const { page } = tab;
    const speaking = '[aria-live], [role=status], [role=alert], [role=log], output';
    assert.deepEqual(
      await page.evaluate(`[...document.querySelectorAll('${speaking}')].map(({ id }) => id)`),
      ['announced'],
    );
    await page.evaluate(`
      count = 0;
      new MutationObserver(() => { count += 1; }).observe(announced, { childList: true, characterData: true, subtree: true })`);
    for (const unanswered of [4, 5]) {
      pages.reading = late(unanswered);
      await titled(page, `Catching up: ${unanswered} waiting, oldest 5 s · east – kube-registrar`);
    }
    assert.equal(await page.evaluate('count'), 0);
    pages.reading = { ...well, problems };
    await titled(page, '1 problem · east – kube-registrar');
    assert.equal(await page.evaluate('count'), 1);
    assert.equal(await page.locator('#announced').innerText(), '1 problem');
  });

  for (const width of [1280, 390]) {
    test(`focus, selection and scroll position stay when trouble appears on top: ${width} px`, async () => {
      await using tab = await open('/', { ...well, ...services(9) }, width);
      const { page } = tab;
      const link = page.locator('#services tbody').getByRole('link', { name: 's008' });
      await link.focus();
      await page.evaluate(`(() => {
        const [name] = document.querySelectorAll('#services tbody th a');
        getSelection().selectAllChildren(name);
        window.element = document.activeElement;
      })()`);
      const top = () => page.evaluate<number>('document.activeElement.getBoundingClientRect().top');
      const before = await top();
      pages.reading = { ...well, ...services(9), problems, findings };
      await titled(page, '1 problem · east – kube-registrar');
      await page.locator('#problems').waitFor();
      assert.equal(await page.evaluate('document.activeElement === window.element'), true);
      assert.equal(await page.evaluate('getSelection().toString()'), 's000');
      assert.ok(Math.abs((await top()) - before) <= 1, `${await top()} is not ${before}`);
      pages.reading = { ...well, ...services(9) };
      await titled(page, 'In sync · east – kube-registrar');
      assert.equal(await page.locator('#problems').count(), 0);
      assert.equal(await page.evaluate('document.activeElement === window.element'), true);
      assert.ok(Math.abs((await top()) - before) <= 1, `${await top()} is not ${before}`);
    });
  }

  test('what is being typed stays, with the caret', async () => {
    await using tab = await open('/services', { ...well, ...services(60) });
    const { page } = tab;
    await page.getByRole('searchbox').focus();
    await page.keyboard.type('s05');
    await page.keyboard.press('ArrowLeft');
    pages.reading = { ...well, ...services(60, 2) };
    await page.locator('#services .bad').first().waitFor();
    await page.keyboard.type('x');
    assert.equal(await page.getByRole('searchbox').inputValue(), 's0x5');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/services?q=s0x5');
  });

  test('a row that turns bad moves to the top and keeps the focus', async () => {
    await using tab = await open('/services', { ...well, ...services(40) });
    const { page } = tab;
    const names = () => page.locator('tbody th').allInnerTexts();
    assert.equal((await names())[0], 's000');
    await page.getByRole('link', { name: 's001' }).focus();
    await page.evaluate('window.element = document.activeElement');
    const nodes = [anObserved('n1', { s000: ['passing'], s001: ['critical'], s002: ['passing'] })];
    pages.reading = { ...well, nodes, services: new ServiceCounts(() => nodes).now };
    await page.getByText('3 services').waitFor();
    assert.deepEqual(await names(), ['s001', 's000', 's002']);
    assert.equal(await page.evaluate('document.activeElement === window.element'), true);
  });

  test('a paused page stays as it is, and catches up when it goes on', async () => {
    await using paused = await open('/', well);
    await using other = await open('/', well);
    await paused.page.getByRole('button', { name: 'Pause updates' }).click();
    pages.reading = { ...well, problems };
    await titled(other.page, '1 problem · east – kube-registrar');
    assert.equal(await paused.page.title(), 'In sync · east – kube-registrar');
    await paused.page.getByRole('button', { name: 'Resume updates' }).click();
    await titled(paused.page, '1 problem · east – kube-registrar');
  });

  test('a page that nobody sees rests, and catches up when it is seen again', async () => {
    await using hidden = await open('/', well);
    await using other = await open('/', well);
    const show = (isHidden: boolean) =>
      hidden.page.evaluate(`
        Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
        document.dispatchEvent(new Event('visibilitychange'))`);
    await show(true);
    pages.reading = { ...well, problems };
    await titled(other.page, '1 problem · east – kube-registrar');
    assert.equal(await hidden.page.title(), 'In sync · east – kube-registrar');
    await show(false);
    await titled(hidden.page, '1 problem · east – kube-registrar');
    assert.deepEqual(hidden.faults, []);
  });

  test('a page that loses the operator says so in the tab too, and finds it again', async () => {
    await using tab = await open('/', well);
    const { page } = tab;
    await pages.stop();
    await titled(page, 'No connection · In sync · east – kube-registrar');
    const lost = 'No connection to the operator; showing the last state';
    assert.equal(await page.locator('#live span').innerText(), lost);
    assert.equal(await page.locator('#announced').innerText(), lost);
    assert.equal(await page.locator('link[rel=icon]').getAttribute('href'), './favicon-calm.svg');
    pages.reading = { ...well, problems };
    await pages.startAgain();
    await titled(page, '1 problem · east – kube-registrar');
    assert.equal(await page.locator('#live span').innerText(), 'Live');
    assert.equal(await page.locator('#announced').innerText(), '1 problem');
  });

  test('with too many pages open, the oldest says that it is not updated any more', async () => {
    await using tab = await open('/', well);
    const closed = new AbortController();
    const headers = { accept: 'text/event-stream' };
    const others = await Promise.all(
      Array.from({ length: 16 }, () => fetch(pages.origin, { headers, signal: closed.signal })),
    );
    await tab.page.getByText('Too many pages are open: this one is not updated').waitFor();
    closed.abort();
    assert.equal(others.length, 16);
    await tab.page.getByRole('button', { name: 'Resume updates' }).click();
    await tab.page.getByText('Live', { exact: true }).waitFor();
  });
});

const titled = (page: Page, title: string): Promise<unknown> =>
  eventually(async () => assert.equal(await page.title(), title), { what: 'the title' });
