/** The status pages of a real operator in a real browser: what people write, and servers that go away. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { eventually } from '../support/eventually.ts';
import { hostileTexts } from '../support/hostile-reading.ts';
import { startBrowser, Tab, withoutBrowser } from '../support/real/browser.ts';
import { clusterName, patience, type Stage, startStage } from '../support/real/stage.ts';

suite('the status pages of an operator', { skip: await withoutBrowser() }, () => {
  let browser: Browser;
  let stage: Stage;

  before(async () => {
    [browser, stage] = await Promise.all([startBrowser(), startStage()]);
  });

  after(async () => {
    await browser?.close();
    await stage?.[Symbol.asyncDispose]();
  });

  const open = (path: string) =>
    Tab.open(browser, `${stage.operator.url}${path}`, { width: 1280, scheme: 'light' });

  test('an instance appears on an open page, and its name leads to it', async () => {
    const shop = await stage.namespace('shop');
    await using tab = await open('/');
    const { page } = tab;
    await titled(page, 'In sync');
    await shop.addPod('web-1', { service: 'web', port: 'http' });
    await page.locator('#services').getByRole('link', { name: 'web' }).click(patient);
    await page.locator('td[data-title=Status]').getByText('passing').waitFor(patient);
    assert.equal(await page.locator('h2').first().innerText(), 'Service web');
    assert.equal(
      await page.locator('tbody .command').first().innerText(),
      'kubectl -n shop describe pod web-1',
    );
    assert.deepEqual(tab.faults, []);
  });

  test('hostile annotations become problems that harm nobody', async () => {
    const evil = await stage.namespace('evil');
    const texts = Object.entries(hostileTexts);
    for (const [name, text] of texts) {
      await evil.addPod(name, {
        service: text,
        port: text,
        'meta.x': text,
        tags: text,
        [`no-${name}`]: text,
      });
    }
    await using tab = await open('/problems');
    const { page } = tab;
    for (const [name] of texts) {
      await page.getByText(`kubectl -n evil describe pod ${name}`).first().waitFor(patient);
    }
    const text = await page.locator('#problems').innerText();
    assert.ok(text.includes('</p></section></main><script>'), text);
    assert.ok(text.includes('\\u202e'), text);
    assert.equal(await page.evaluate('window.harmed'), undefined);
    assert.ok((await page.content()).length < 200_000);
    assert.deepEqual(await tab.overflowing(), []);
    assert.deepEqual(await tab.inaccessible(), []);
    assert.deepEqual(tab.faults, []);
    await evil.delete();
    await page.getByText('No problems.').waitFor(patient);
  });

  test('what others write into Consul harms nobody', async () => {
    const [entry] = await stage.allPassing('web', 1);
    const { Node, Service } = entry!;
    await stage.consul.api.put('/v1/catalog/register', {
      Node: Node.Node,
      SkipNodeUpdate: true,
      Service: { ...Service, Tags: [hostileTexts.script, hostileTexts.long.repeat(10)] },
    });
    await using tab = await open('/changes');
    const { page } = tab;
    await page.locator('#drift').getByText('edited').waitFor(patient);
    assert.ok((await page.locator('#drift').innerText()).includes(hostileTexts.script));
    assert.equal(await page.evaluate('window.harmed'), undefined);
    assert.ok((await page.content()).length < 100_000);
    assert.deepEqual(await tab.overflowing(), []);
    assert.deepEqual(tab.faults, []);
  });

  test('title, badge and icon say which server is away, and since when', async () => {
    await using tab = await open('/');
    const { page } = tab;
    await titled(page, 'In sync');
    const [consul] = stage.consul.servers;
    await consul!.kill();
    await titled(page, 'Consul unreachable since');
    assert.match(
      await page.locator('#state .badge').first().innerText(),
      /^Consul unreachable since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/,
    );
    assert.equal(await page.locator('link[rel=icon]').getAttribute('href'), './favicon-bad.svg');
    await consul!.start();
    await titled(page, 'In sync');
    await stage.kube.apiserver.kill();
    await titled(page, 'API server unreachable since');
    await stage.kube.apiserver.start();
    await titled(page, 'In sync');
    assert.equal(await page.locator('link[rel=icon]').getAttribute('href'), './favicon-good.svg');
    assert.match(await page.locator('#announced').innerText(), /^In sync$/);
    assert.deepEqual(tab.faults, []);
  });
});

const patient = { timeout: patience.timeoutMs };

const titled = (page: Page, state: string): Promise<unknown> =>
  eventually(
    async () => {
      const title = await page.title();
      assert.ok(title.startsWith(state) && title.endsWith(` · ${clusterName} – kube-registrar`), title);
    },
    { ...patience, what: 'the title' },
  );
