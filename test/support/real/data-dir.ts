import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(tmpdir(), 'kube-registrar-tests');
let swept = false;

/**
 * A new directory for a server's data. Removing it is the caller's; those of test runs that were killed are
 * removed by a later run.
 */
export async function dataDir(name: string): Promise<string> {
  mkdirSync(root, { recursive: true });
  if (!swept) sweep();
  swept = true;
  return mkdtemp(join(root, `${process.pid}-${name}-`));
}

function sweep(): void {
  for (const entry of readdirSync(root)) {
    const pid = Number(entry.split('-')[0]);
    if (pid > 0 && !isAlive(pid)) rmSync(join(root, entry), { recursive: true, force: true });
  }
}

/** Whether there is a process with this id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
