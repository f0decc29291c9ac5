/** The status pages in a real browser: how they look, what they let through, and who can use them. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { visibleLines } from '../../src/lib/visible.ts';
import { pagePaths } from '../../src/server/page/document.ts';
import { bigReading } from '../support/big-reading.ts';
import { hostileReading, hostileTexts } from '../support/hostile-reading.ts';
import { type Look, looks, startBrowser, Tab, withoutBrowser } from '../support/real/browser.ts';
import { StatusPages } from '../support/real/status-pages.ts';
import { sampleReading } from '../support/sample-reading.ts';

const desktop: Look = { width: 1280, scheme: 'light' };
const rows = (page: Page) => page.locator('main tbody tr').count();

suite('the status pages in a browser', { skip: await withoutBrowser() }, () => {
  let browser: Browser;
  let pages: StatusPages;

  before(async () => {
    browser = await startBrowser();
    pages = await StatusPages.start(sampleReading);
  });

  after(async () => {
    await browser?.close();
    await pages?.[Symbol.asyncDispose]();
  });

  const open = (path: string, look = desktop) => Tab.open(browser, `${pages.origin}${path}`, look);

  for (const look of looks) {
    const { width, scheme } = look;
    test(`are accessible, and nothing is cut: ${width} px, ${scheme}`, async () => {
      pages.show(sampleReading);
      for (const path of [...pagePaths, '/instances?service=api']) {
        await using tab = await open(path, look);
        assert.deepEqual(await tab.inaccessible(), [], path);
        assert.deepEqual(await tab.overflowing(), [], path);
        assert.deepEqual(tab.faults, [], path);
      }
    });

    // The schemes differ in colours alone.
    if (scheme === 'dark') continue;
    test(`stand hostile texts: ${width} px`, async () => {
      pages.show(hostileReading);
      const service = encodeURIComponent(hostileTexts.script);
      for (const path of [...pagePaths, `/instances?service=${service}&q=${service}`]) {
        await using tab = await open(path, look);
        assert.equal(await tab.page.evaluate('window.harmed'), undefined, path);
        assert.ok((await tab.page.content()).length < 500_000, path);
        assert.deepEqual(await tab.inaccessible(), [], path);
        assert.deepEqual(await tab.overflowing(), [], path);
        assert.deepEqual(tab.faults, [], path);
      }
    });
  }

  test('fit a window of any width down to 320 px, tables included', async () => {
    pages.show(sampleReading);
    for (const path of pagePaths) {
      await using tab = await open(path);
      for (const width of [320, 640, 760, 928, 1280]) {
        await tab.page.setViewportSize({ width, height: 900 });
        assert.deepEqual(await tab.overflowing(), [], `${path} at ${width} px`);
        const cut = `[...document.querySelectorAll('.scroll')]
          .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
          .map((each) => each.getAttribute('aria-label'))`;
        assert.deepEqual(await tab.page.evaluate(cut), [], `${path} at ${width} px`);
      }
    }
  });

  test('show hostile texts as they are written, what cannot be seen as escapes', async () => {
    pages.show(hostileReading);
    await using tab = await open('/problems');
    const text = await tab.page.locator('#problems').innerText();
    assert.ok(text.includes('a\\u0000b\\u001b[31mred'), 'control characters');
    assert.ok(text.includes('user\\u202e\\u2066// admin'), 'marks of direction');
    assert.ok(text.includes(hostileTexts.script), 'markup');
    assert.equal(
      visibleLines(text.replaceAll('\t', ' ')),
      text.replaceAll('\t', ' '),
      'nothing unseen is left',
    );
  });

  test('are whole without scripts: lists, pages of them, sorting and searching', async () => {
    pages.show({ ...sampleReading, ...pickLists(bigReading()) });
    await using tab = await open('/', { ...desktop, scripts: false });
    const { page } = tab;
    assert.equal(await page.title(), '1 problem · east – kube-registrar');
    assert.equal(await page.locator('#live').isVisible(), false, 'no promise of updates');
    assert.equal(await page.locator('#plots svg').count(), 6);
    await page.locator('#services input[type=search]').fill('service-000');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/services?q=service-000');
    assert.equal(await rows(page), 10);
    await page.getByRole('link', { name: 'Show all' }).click();
    await page.getByRole('link', { name: 'Next' }).click();
    await page.waitForURL('**/services?page=2');
    assert.match(await page.locator('.paging').innerText(), /page 2 of 40, 2,000 services/);
    await page.locator('thead').getByRole('link', { name: 'Service' }).click();
    await page.waitForURL('**/services?sort=name');
    assert.equal(await page.locator('tbody th').first().innerText(), 'service-0000');
    assert.deepEqual(tab.faults, []);
  });

  test('stay usable with 2,000 services and 50,000 instances', async (t) => {
    pages.show({ ...sampleReading, ...pickLists(bigReading()) });
    for (const path of [...pagePaths, '/instances?page=1000', '/instances?q=node-499']) {
      const started = performance.now();
      await using tab = await open(path);
      const ms = Math.round(performance.now() - started);
      const { length } = await tab.page.content();
      t.diagnostic(`${path}: ${ms} ms, ${Math.round(length / 1024)} KiB`);
      assert.ok((await rows(tab.page)) <= 60, path);
      assert.ok(length < 200_000, `${path}: ${length}`);
      assert.deepEqual(await tab.overflowing(), [], path);
      assert.deepEqual(tab.faults, [], path);
    }
    await using tab = await open('/instances');
    const { page } = tab;
    const statuses = page.locator('tbody td[data-title=Status]');
    assert.deepEqual((await statuses.allInnerTexts()).slice(9, 11), ['critical', 'passing'], 'trouble first');
    await page.getByRole('link', { name: 'critical', exact: true }).click();
    await page.waitForURL('**/instances?status=critical');
    assert.equal(await rows(page), 10);
    assert.match(await page.locator('.paging').innerText(), /^10 instances/);
  });

  test('can be used with the keyboard alone: everything is reached, in order, and the focus is seen', async () => {
    pages.show(sampleReading);
    for (const path of pagePaths) {
      await using tab = await open(path);
      const { page } = tab;
      const wanted = await page.evaluate<number>(`
        wanted = [...document.querySelectorAll('a, button, input:not([type=hidden]), .scroll')];
        wanted.length`);
      const reached: (number | string)[] = [];
      for (let at = 0; at < wanted; at += 1) {
        await page.keyboard.press('Tab');
        reached.push(
          await page.evaluate<number | string>(`(() => {
            const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
            const isSeen = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
            return isSeen ? wanted.indexOf(document.activeElement) : 'no outline';
          })()`),
        );
      }
      assert.deepEqual(
        reached,
        Array.from({ length: wanted }, (_, at) => at),
        path,
      );
    }
  });

  test('search, sort and pause by the keyboard', async () => {
    pages.show(sampleReading);
    await using tab = await open('/services');
    const { page } = tab;
    await page.getByRole('searchbox').focus();
    await page.keyboard.type('we');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/services?q=we');
    assert.deepEqual(await page.locator('tbody th').allInnerTexts(), ['web']);
    await page.locator('thead').getByRole('link', { name: 'Instances' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/services?q=we&sort=instances');
    assert.equal(await page.locator('th[aria-sort=descending]').innerText(), 'Instances');
    await page.getByRole('button', { name: 'Pause updates' }).focus();
    await page.keyboard.press('Space');
    await page.getByText('Paused', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Resume updates' }).waitFor();
  });
});

/** The long lists of a reading. */
const pickLists = ({ nodes, services, changes, history }: ReturnType<typeof bigReading>) => ({
  nodes,
  services,
  changes,
  history,
});
