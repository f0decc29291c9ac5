/** A real browser without a window: for layout, focus, scripts and what a page's policy forbids. */
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { locateServers, missingMessage } from '../../servers/locate.ts';

export interface Look {
  /** In CSS pixels. */
  readonly width: number;
  /** Default 900. */
  readonly height?: number;
  readonly scheme: 'light' | 'dark';
  /** Default true. */
  readonly scripts?: boolean;
}

/** A desktop and a phone, by day and by night. */
export const looks: readonly Look[] = [1280, 390].flatMap((width) => [
  { width, scheme: 'light' },
  { width, scheme: 'dark' },
]);

/** For `skip`: why there is no browser here, or false. With `CI=true` that is an error. */
export async function withoutBrowser(): Promise<string | false> {
  const { paths } = await locateServers();
  if (paths.chromium !== undefined) return false;
  const why = missingMessage(['chromium']);
  if (process.env['CI'] === 'true') throw new Error(why);
  return `not run: ${why}`;
}

export async function startBrowser(): Promise<Browser> {
  const { chromium: executablePath } = (await locateServers()).paths;
  if (executablePath === undefined) throw new Error(missingMessage(['chromium']));
  return chromium.launch({
    executablePath,
    // Nothing leaves this machine, whatever a page or the browser itself asks for.
    args: ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
  });
}

/** A page in a profile of its own. */
export class Tab implements AsyncDisposable {
  readonly page: Page;
  /** What the browser complained of, violations of the page's policy among it, and requests to elsewhere. */
  readonly faults: string[] = [];

  static async open(browser: Browser, url: string, look: Look): Promise<Tab> {
    const context = await browser.newContext({
      viewport: { width: look.width, height: look.height ?? 900 },
      colorScheme: look.scheme,
      javaScriptEnabled: look.scripts ?? true,
      reducedMotion: 'reduce',
      locale: 'en-GB',
      timezoneId: 'UTC',
    });
    const tab = new Tab(await context.newPage(), new URL(url).origin);
    await tab.page.goto(url);
    return tab;
  }

  private constructor(page: Page, origin: string) {
    this.page = page;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.faults.push(message.text());
    });
    page.on('pageerror', ({ message }) => this.faults.push(message));
    page.on('dialog', (dialog) => {
      this.faults.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(`${origin}/`)) this.faults.push(`asks ${request.url()}`);
    });
  }

  /** What axe finds wrong by WCAG 2.2 AA and by its best practices, one line each. */
  async inaccessible(): Promise<string[]> {
    await this.page.evaluate(axe.source);
    const violations = await this.page.evaluate<axe.Result[]>('axe.run().then((found) => found.violations)');
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, any }) => `${id}: ${help}: ${target} ${any.map(({ message }) => message)}`),
    );
  }

  /** Elements that reach beyond the right edge of the page, which a person would have to scroll to. */
  overflowing(): Promise<string[]> {
    return this.page.evaluate(`(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      if (scrollWidth <= clientWidth) return [];
      return [...document.querySelectorAll('body *')]
        .filter((each) => each.closest('.scroll') === null)
        .filter((each) => each.getBoundingClientRect().right > clientWidth + 0.5)
        .map((each) => each.nodeName + '.' + each.className + ' ' + each.textContent.slice(0, 60));
    })()`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}
