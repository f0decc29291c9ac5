import { startBrowser, Tab } from '../../test/support/real/browser.ts';
import { StatusPages } from '../../test/support/real/status-pages.ts';
import { readingAfterAnHour } from './sample-operator.ts';

/** The status page as a PNG, in a light and in a dark browser. */
export async function pagePictures(): Promise<{ readonly light: Buffer; readonly dark: Buffer }> {
  await using pages = await StatusPages.start(await readingAfterAnHour());
  const browser = await startBrowser();
  try {
    const picture = async (scheme: 'light' | 'dark') => {
      await using tab = await Tab.open(browser, pages.origin, { width: 1180, height: 1190, scheme });
      await tab.page.getByText('Live', { exact: true }).waitFor();
      if (tab.faults.length > 0) throw new Error(`the page has faults: ${tab.faults.join('; ')}`);
      return await tab.page.screenshot();
    };
    return { light: await picture('light'), dark: await picture('dark') };
  } finally {
    await browser.close();
  }
}
