/** A run in namespaces of its own that is killed leaves no process, control group, mount, interface or file. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { hierarchies } from '../support/node/world.ts';
import { root } from '../support/real/helm.ts';
import { imageUnavailable } from '../support/real/image.ts';

const patience = { timeoutMs: 60_000 };

/** Command lines of all processes of the machine that have this word in them. */
function processesWith(word: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return [];
      }
    })
    .filter((line) => line.includes(word));
}

test('a killed run leaves nothing', { skip: imageUnavailable }, async () => {
  const files = ['run.ts', 'sleeping-container.ts'].map((name) => join(root, 'test/support/node', name));
  const child = spawn(process.execPath, [files[0]!, '--own-network', '--program', files[1]!], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (printed += chunk));
    await eventually(() => printed.includes('running'), { ...patience, what: 'a container runs' });
    // The container has started before its process has become the program.
    await eventually(() => processesWith('sleep 987654').length === 1, {
      ...patience,
      what: 'its program runs',
    });
    const group = `kube-registrar-test-${child.pid}`;
    assert.ok(hierarchies().every((directory) => existsSync(join(directory, group))));
    const mounts = readFileSync('/proc/self/mounts', 'utf8');
    const interfaces = readFileSync('/proc/self/net/dev', 'utf8').match(/^\s*\S+:/gm);
    child.kill('SIGKILL');
    await once(child, 'close');
    await eventually(
      () => {
        assert.deepEqual(processesWith('sleep 987654'), []);
        const directories = readdirSync(join(tmpdir(), 'kube-registrar-tests'));
        assert.deepEqual(
          directories.filter((name) => name.startsWith(`${child.pid}-run`)),
          [],
        );
        assert.deepEqual(processesWith(`${child.pid}-run`), []);
        assert.deepEqual(
          hierarchies().filter((directory) => existsSync(join(directory, group))),
          [],
        );
      },
      { ...patience, what: 'nothing is left' },
    );
    assert.equal(readFileSync('/proc/self/mounts', 'utf8'), mounts);
    assert.deepEqual(readFileSync('/proc/self/net/dev', 'utf8').match(/^\s*\S+:/gm), interfaces);
  } finally {
    child.kill('SIGKILL');
  }
});
