/** The status pages in a real browser: how they look, what they let through, and who can use them. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/logging/logger.ts';
import { type StatusServer, startStatusServer } from '../../src/server/http-server.ts';
import { pagePaths } from '../../src/server/page/document.ts';
import { type Look, looks, startBrowser, Tab, withoutBrowser } from '../support/real/browser.ts';
import { sampleReading } from '../support/sample-reading.ts';

const skip = await withoutBrowser();

suite('the status pages in a browser', { skip }, () => {
  let browser: Browser;
  let server: StatusServer;

  before(async () => {
    browser = await startBrowser();
    server = await startStatusServer({
      listen: '127.0.0.1:0',
      source: {
        unhealthy: () => undefined,
        degraded: () => [],
        notReady: () => [],
        reading: () => sampleReading,
      },
      metrics: { contentType: 'text/plain', text: async () => '' },
      logger: silentLogger,
      clock: systemClock,
    });
  });

  after(async () => {
    await browser?.close();
    await server?.close();
  });

  const open = (path: string, look: Look): Promise<Tab> => Tab.open(browser, `${server.origin}${path}`, look);

  for (const look of looks) {
    test(`have nothing wrong for axe and nothing cut: ${look.width} px, ${look.scheme}`, async () => {
      for (const path of [...pagePaths, '/instances?service=api']) {
        await using tab = await open(path, look);
        assert.deepEqual(await tab.inaccessible(), [], path);
        assert.deepEqual(await tab.overflowing(), [], path);
        assert.deepEqual(tab.faults, [], path);
      }
    });
  }
});
