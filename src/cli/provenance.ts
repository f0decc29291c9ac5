import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../config/environment.ts';

/** The servers that the end-to-end tests run, as test/servers pins them. */
export const triedWith = { kubernetes: ['1.30.14', '1.37.2'], consul: ['1.8.7', '1.22.7'] } as const;

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The commit that this is built from, where it is known: in an image by its build, in a checkout by git. */
export function commit(environment: Environment): string | undefined {
  const built = environment['IMAGE_REVISION'] ?? '';
  if (built !== '' && built !== 'unknown') return built;
  // Installed as a package, it may be in the checkout of something else.
  if (!existsSync(`${root}.git`)) return undefined;
  const { status, stdout } = spawnSync('git', ['-C', root, 'rev-parse', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
