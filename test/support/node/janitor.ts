/** Waits for the end of a run, whose pipe is this process's input, and removes the control group and directory given. */
import { rm } from 'node:fs/promises';
import { eventually } from '../eventually.ts';
import { removeControlGroup } from './world.ts';

const [group, directory] = process.argv.slice(2);
process.stdin.resume();
process.stdin.once('close', async () => {
  // The last processes of the run may be a moment in ending.
  await eventually(() => removeControlGroup(group!), { timeoutMs: 30_000, what: `${group} is empty` });
  await rm(directory!, { recursive: true, force: true });
});
