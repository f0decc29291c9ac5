/**
 * Makes the pictures of the README: `npm run pictures`. They are checked in. The demo is drawn from its own output; the
 * page is photographed in the Chromium of `npm run servers`. Times and names differ from run to run, and so do the files.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { demoPicture } from './demo-picture.ts';
import { pagePictures } from './page-picture.ts';

/** Of one picture: everybody who clones the repository has all of them. */
const mostBytes = 200 * 1024;

async function save(name: string, picture: string | Buffer): Promise<void> {
  const bytes = Buffer.byteLength(picture);
  if (bytes > mostBytes) throw new Error(`${name} has ${bytes} bytes; at most ${mostBytes} are wanted`);
  await writeFile(path.join(import.meta.dirname, name), picture);
  console.log(`docs/pictures/${name}: ${Math.ceil(bytes / 1024)} KiB`);
}

const { light, dark } = await pagePictures();
await save('status-page.png', light);
await save('status-page-dark.png', dark);
await save('demo.svg', await demoPicture());
