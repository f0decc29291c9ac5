/** The namespaces and control groups a test on real nodes has for itself; `run.ts` makes them. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Set by `run.ts` within its namespaces: name of the run's control group. */
export const groupVariable = 'KUBE_REGISTRAR_TEST_GROUP';
const mountPoint = '/sys/fs/cgroup';

/** Directories of all hierarchies: several with version 1 or both versions, one with version 2. */
export function hierarchies(): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, path = '', type = '']) => /^cgroup2?$/.test(type) && path.startsWith(mountPoint))
    .map(([, path = '']) => path);
}

/** Makes a control group in all hierarchies; resolves with its path below each. */
export async function makeControlGroup(name: string): Promise<string> {
  const own = process.env[groupVariable];
  if (own === undefined) throw new Error('not within the namespaces of the test: use `npm run test:kubelet`');
  const path = `/${own}/${name}`;
  for (const directory of hierarchies()) {
    await mkdir(join(directory, path), { recursive: true });
    // Of version 2, a group has no limits to set unless the one above gives them away.
    const controllers = await readFile(join(directory, own, 'cgroup.controllers'), 'utf8').catch(() => '');
    const given = controllers
      .trim()
      .split(' ')
      .filter(Boolean)
      .map((controller) => `+${controller}`);
    if (given.length > 0) await writeFile(join(directory, own, 'cgroup.subtree_control'), given.join(' '));
  }
  return path;
}

/** Removes a control group and those below it; their processes must have ended. */
export async function removeControlGroup(name: string): Promise<void> {
  for (const directory of hierarchies()) await removeEmpty(join(directory, name));
}

async function removeEmpty(directory: string): Promise<void> {
  let below: string[];
  try {
    below = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return;
  }
  for (const name of below) await removeEmpty(join(directory, name));
  await rmdir(directory);
}
