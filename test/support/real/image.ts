/**
 * The image without a container engine: the bundle in its final directory layout, in a mount namespace whose root
 * holds nothing else but Node and the C library, read-only, under the image's user, without a shell, within the
 * container's memory limit. What a pod gets from the kubelet is mounted where the kubelet mounts it.
 *
 * Needs root, to make the namespace. The network is the host's.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../eventually.ts';
import { dataDir } from './data-dir.ts';
import { root } from './helm.ts';
import { MemoryLimit } from './memory-limit.ts';
import { freePorts } from './ports.ts';
import { ServerProcess } from './process.ts';

const run = promisify(execFile);

/** Why the image cannot be tried here, or false. */
export const imageUnavailable: string | false =
  process.getuid?.() === 0 ? false : 'only root can make the mount namespace the image is tried in';

/** What a container is started with. */
export interface ContainerOptions {
  /** Paths in the container, each with the texts of the files below it. */
  readonly mounts: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Paths of directories that are empty at first and can be written. */
  readonly emptyDirs: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What is run; the first is found on the image's PATH. */
  readonly command: readonly string[];
  /** Names that lead to this machine, as the cluster's DNS would have it. */
  readonly hosts: readonly string[];
  /** Undefined: no limit. */
  readonly memoryBytes: number | undefined;
}

/** How the Dockerfile runs Node. */
export const nodeFlags: readonly string[] = [
  '--max-old-space-size-percentage=60',
  '--heap-growing-percent=25',
  '--max-semi-space-size=4',
];
/** What the Dockerfile sets beside PATH and the revision. */
export const imageEnv = { NODE_ENV: 'production', MALLOC_ARENA_MAX: '1' };
export const entrypoint: readonly string[] = ['/usr/local/bin/node', ...nodeFlags, '/app/main.js'];
const imagePath = '/usr/local/bin:/app';

let bundled: Promise<unknown> | undefined;

/** Runs `npm run bundle` once. */
export function bundle(): Promise<unknown> {
  bundled ??= run(process.execPath, [join(root, 'image/bundle.ts')]);
  return bundled;
}

/** Mounts, then becomes the program. Arguments: directory, bundle, Node's binary, cgroup, and the command line. */
const enter = (mounts: readonly string[], emptyDirs: readonly string[]): string => `
set -e
dir=$1; bundle=$2; node=$3; limit=$4; shift 4
[ -z "$limit" ] || echo $$ > "$limit/cgroup.procs"
# Nothing of this is seen outside, and all of it goes with the process.
mount --make-rprivate /
root=$dir/root
mount -t tmpfs tmpfs "$root"
for part in lib lib64 usr/lib usr/lib64; do
  [ -d /$part ] || continue
  mkdir -p "$root/$part"
  mount --rbind /$part "$root/$part"
done
mkdir -p "$root/app" "$root/proc" "$root/dev" "$root/etc" "$root/usr/local/bin"
mount --bind "$bundle" "$root/app"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
cp "$dir/hosts" "$root/etc/hosts"
touch "$root/usr/local/bin/node"
mount --bind "$node" "$root/usr/local/bin/node"
mount -o remount,bind,ro "$root/app"
mount -o remount,bind,ro "$root/usr/local/bin/node"
${mounts
  .map(
    (path, index) => `
mkdir -p "$root${path}"
mount --bind "$dir/mounts/${index}" "$root${path}"
mount -o remount,bind,ro "$root${path}"`,
  )
  .join('')}
${emptyDirs.map((path) => `mkdir -p "$root${path}"\nmount -t tmpfs -o mode=0777 tmpfs "$root${path}"`).join('\n')}
mount -o remount,ro "$root"
chroot=$(command -v chroot)
PATH=${imagePath}
export PATH ${Object.entries(imageEnv)
  .map(([name, value]) => `${name}=${value}`)
  .join(' ')}
exec "$chroot" --userspec=65532:65532 "$root" "$@"
`;

/** A container of the image. */
export class ImageProcess implements AsyncDisposable {
  /** Origin of its HTTP server, when it is the operator. */
  readonly url: string;
  readonly #dir: string;
  readonly #options: ContainerOptions;
  readonly #limit: MemoryLimit | undefined;
  readonly #listen: string;
  #process: ServerProcess | undefined;

  /** `port`: of the operator's HTTP server. Default: a free one. */
  static async create(options: ContainerOptions, port?: number): Promise<ImageProcess> {
    const [dir, [free]] = await Promise.all([dataDir('image'), freePorts(1), bundle()]);
    await mkdir(join(dir, 'root'));
    for (const [index, files] of Object.values(options.mounts).entries()) {
      await mkdir(join(dir, 'mounts', `${index}`), { recursive: true });
      for (const [name, text] of Object.entries(files)) {
        await writeFile(join(dir, 'mounts', `${index}`, name), text, { mode: 0o444 });
      }
    }
    await writeFile(join(dir, 'hosts'), `127.0.0.1 ${['localhost', ...options.hosts].join(' ')}\n`);
    const limit =
      options.memoryBytes === undefined ? undefined : await MemoryLimit.create(options.memoryBytes);
    return new ImageProcess(dir, options, limit, port ?? free!);
  }

  private constructor(dir: string, options: ContainerOptions, limit: MemoryLimit | undefined, port: number) {
    this.#dir = dir;
    this.#options = options;
    this.#limit = limit;
    this.#listen = `127.0.0.1:${port}`;
    this.url = `http://${this.#listen}`;
  }

  /** The kernel's limit, where this machine lets one be set. */
  get limit(): MemoryLimit | undefined {
    return this.#limit;
  }

  /** Starts the operator; resolves when /healthz answers. */
  async start(): Promise<void> {
    await this.#spawn(async () => (await fetch(`${this.url}/healthz`)).ok);
  }

  /** Runs a command to its end. */
  async run(): Promise<{ code: number | null; output: string }> {
    await this.#spawn();
    const code = await this.#process!.ended();
    return { code, output: await this.output() };
  }

  async ready(): Promise<void> {
    await eventually(async () => (await fetch(`${this.url}/readyz`)).ok, {
      timeoutMs: 60_000,
      what: `the operator is ready\n${await this.output()}`,
    });
  }

  async stop(): Promise<number | null> {
    await this.#process?.stop();
    return this.#process?.exitCode ?? null;
  }

  async output(): Promise<string> {
    return readFile(this.#logFile, 'utf8').catch(() => '');
  }

  /** A line of the kernel's account of the process, such as `VmHWM` in kB, `Uid`, `CapEff`. */
  async account(name: string): Promise<string> {
    const text = await readFile(`/proc/${this.#process!.pid}/status`, 'utf8');
    return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)![1]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#limit?.remove();
    await rm(this.#dir, { recursive: true, force: true });
  }

  async #spawn(ready?: () => Promise<boolean>): Promise<void> {
    const { command, env, mounts, emptyDirs } = this.#options;
    // All pods share this machine's ports.
    const all = { ...env, KUBE_REGISTRAR_SERVER_LISTEN: this.#listen };
    this.#process = await ServerProcess.start({
      name: 'kube-registrar in its image',
      command: '/usr/bin/env',
      args: [
        '-i',
        'PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
        ...Object.entries(all).map(([name, value]) => `${name}=${value}`),
        ...['unshare', '--mount', 'sh', '-c', enter(Object.keys(mounts), emptyDirs), 'sh'],
        ...[this.#dir, join(root, 'dist/image'), join(root, 'node_modules/node/bin/node')],
        this.#limit?.path ?? '',
        ...command,
      ],
      logFile: this.#logFile,
      ...(ready === undefined ? {} : { ready }),
    });
  }

  get #logFile(): string {
    return join(this.#dir, 'log');
  }
}
