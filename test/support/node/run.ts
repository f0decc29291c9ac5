/**
 * Runs test files in namespaces of their own: `node test/support/node/run.ts --own-network 'test/kubelet/*.test.ts'`.
 * Without `--own-network` the network is the machine's. With `--program` the file is a program and no test.
 *
 * Network, mounts and process ids are the run's own, so that bridges, rules, mounts and containers end with it, however
 * it ends: when this process is gone, the kernel kills the first process of the namespaces and with it all others.
 * Control groups have no such end. A helper that outlives this process removes them.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dataDir, isAlive } from '../real/data-dir.ts';
import { groupVariable, hierarchies, removeControlGroup } from './world.ts';

const ownNetwork = '--own-network';
const program = '--program';
const prefix = 'kube-registrar-test-';

/** Why it cannot be done on this machine, or undefined. */
function unavailable(): string | undefined {
  if (process.platform !== 'linux') return 'Linux is needed, for its namespaces';
  if (process.getuid?.() !== 0) return 'root is needed, to make namespaces and control groups';
  if (hierarchies().length === 0) return 'no control groups are mounted below /sys/fs/cgroup';
  return undefined;
}

/**
 * Becomes the first process of the namespaces. Whatever would be written outside of the run's own directory is
 * hidden: the state of CNI, logs, sockets. The caches of the tests' programs stay.
 */
const enter = `
set -e
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/log
mkdir -p /run/lib/upper /run/lib/work
mount -t overlay -o lowerdir=/var/lib,upperdir=/run/lib/upper,workdir=/run/lib/work overlay /var/lib
export HELM_CACHE_HOME=$TMPDIR/helm HELM_CONFIG_HOME=$TMPDIR/helm HELM_DATA_HOME=$TMPDIR/helm
"$@" &
child=$!
trap 'kill -TERM $child' TERM
trap 'kill -INT $child' INT
# Of a process that is not its child, sh only takes the end.
wait $child && code=0 || code=$?
while kill -0 $child 2>/dev/null; do wait $child && code=0 || code=$?; done
exit $code
`;

async function main(args: readonly string[]): Promise<number> {
  const files = args.filter((arg) => arg !== ownNetwork && arg !== program);
  const why = unavailable();
  if (why !== undefined) {
    console.error(`not run: ${files.join(' ')}: ${why}`);
    return process.env['CI'] === 'true' ? 1 : 0;
  }
  await removeStale();
  const group = `${prefix}${process.pid}`;
  const directory = await dataDir('run');
  startJanitor(group, directory);
  const isolated = (command: readonly string[], network: readonly string[]) =>
    runIsolated(command, network, { TMPDIR: directory, [groupVariable]: group });
  const network = args.includes(ownNetwork) ? ['--net'] : [];
  if (args.includes(program)) return isolated(files, network);
  if (network.length > 0) {
    const code = await isolated([fileURLToPath(new URL('prepare.ts', import.meta.url))], []);
    if (code !== 0) return code;
  }
  return isolated(['--test', '--test-timeout=600000', '--test-concurrency=1', ...files], network);
}

/** Runs Node in namespaces; resolves with its exit code. */
async function runIsolated(
  args: readonly string[],
  network: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const child = spawn(
    // The death of this process is the death of unshare, and that of the first process in the namespaces.
    'setpriv',
    [
      '--pdeathsig=KILL',
      ...['unshare', ...network, '--mount', '--propagation=private', '--pid', '--fork', '--kill-child=KILL'],
      ...['--mount-proc', 'sh', '-c', enter, 'sh', process.execPath, ...args],
    ],
    { stdio: 'inherit', env: { ...process.env, ...env } },
  );
  const kill = () => child.kill('SIGKILL');
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, kill);
  const [code] = await once(child, 'close');
  return (code as number | null) ?? 1;
}

/** Removes the control group and the directory when this process has ended, which the end of a pipe says. */
function startJanitor(group: string, directory: string): void {
  const file = fileURLToPath(new URL('janitor.ts', import.meta.url));
  const janitor = spawn(process.execPath, [file, group, directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  janitor.unref();
  (janitor.stdin as unknown as { unref(): void }).unref();
}

/** Of runs whose helper was killed too. */
async function removeStale(): Promise<void> {
  const found = hierarchies().flatMap((directory) => readdirSync(directory));
  for (const name of new Set(found)) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : 0;
    if (pid > 0 && !isAlive(pid)) await removeControlGroup(name);
  }
}

process.exitCode = await main(process.argv.slice(2));
