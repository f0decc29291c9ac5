/**
 * The image without a container engine: the bundle in its final directory layout, in a mount namespace whose root
 * holds nothing else but Node and the C library, read-only, under the image's user, without a shell. What a pod
 * gets from the kubelet is mounted where the kubelet mounts it.
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
import { freePorts } from './ports.ts';
import { ServerProcess } from './process.ts';

const run = promisify(execFile);

/** Why the image cannot be tried here, or false. */
export const imageUnavailable: string | false =
  process.getuid?.() === 0 ? false : 'only root can make the mount namespace the image is tried in';

/** What the kubelet gives the pod. */
export interface PodFiles {
  /** The pod's configuration, as its ConfigMap has it. */
  readonly config: string;
  /** Of its ServiceAccount. */
  readonly token: string;
  readonly ca: string;
  readonly namespace: string;
  /** host:port */
  readonly apiServer: string;
}

let bundled: Promise<unknown> | undefined;

/** Runs `npm run bundle` once. */
export function bundle(): Promise<unknown> {
  bundled ??= run(process.execPath, [join(root, 'image/bundle.ts')]);
  return bundled;
}

/** Mounts, then becomes the program. Arguments: directory, bundle, Node's binary, and the command line. */
const enter = `
set -e
dir=$1; bundle=$2; node=$3; shift 3
# Nothing of this is seen outside, and all of it goes with the process.
mount --make-rprivate /
root=$dir/root
mount -t tmpfs tmpfs "$root"
for part in lib lib64 usr/lib usr/lib64; do
  [ -d /$part ] || continue
  mkdir -p "$root/$part"
  mount --rbind /$part "$root/$part"
done
mkdir -p "$root/app" "$root/proc" "$root/dev" "$root/usr/local/bin" \
  "$root/var/run/secrets/kubernetes.io/serviceaccount" "$root/etc/kube-registrar/config"
mount --bind "$bundle" "$root/app"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
touch "$root/usr/local/bin/node"
mount --bind "$node" "$root/usr/local/bin/node"
mount --bind "$dir/serviceaccount" "$root/var/run/secrets/kubernetes.io/serviceaccount"
mount --bind "$dir/config" "$root/etc/kube-registrar/config"
for mount in app usr/local/bin/node var/run/secrets/kubernetes.io/serviceaccount etc/kube-registrar/config; do
  mount -o remount,bind,ro "$root/$mount"
done
mount -o remount,ro "$root"
exec chroot --userspec=65532:65532 "$root" /usr/local/bin/node /app/main.js "$@"
`;

/** One pod of the Deployment, more or less. */
export class ImageProcess implements AsyncDisposable {
  /** Origin of its HTTP server. */
  readonly url: string;
  readonly #dir: string;
  readonly #env: Readonly<Record<string, string>>;
  #process: ServerProcess | undefined;

  static async create(files: PodFiles, env: Readonly<Record<string, string>> = {}): Promise<ImageProcess> {
    const [dir, [port]] = await Promise.all([dataDir('image'), freePorts(1), bundle()]);
    const write = async (path: string, text: string) => {
      await mkdir(join(dir, path, '..'), { recursive: true });
      await writeFile(join(dir, path), text, { mode: 0o444 });
    };
    await mkdir(join(dir, 'root'));
    await write('config/config.yaml', files.config);
    await write('serviceaccount/token', files.token);
    await write('serviceaccount/ca.crt', files.ca);
    await write('serviceaccount/namespace', files.namespace);
    const [host, apiPort] = files.apiServer.split(':') as [string, string];
    return new ImageProcess(dir, `127.0.0.1:${port}`, {
      KUBERNETES_SERVICE_HOST: host,
      KUBERNETES_SERVICE_PORT: apiPort,
      // All pods share this machine's ports.
      KUBE_REGISTRAR_SERVER_LISTEN: `127.0.0.1:${port}`,
      ...env,
    });
  }

  private constructor(dir: string, listen: string, env: Readonly<Record<string, string>>) {
    this.#dir = dir;
    this.#env = env;
    this.url = `http://${listen}`;
  }

  /** Starts it with the arguments of the Deployment; resolves when /healthz answers. */
  async start(
    args: readonly string[] = ['run', '--config', '/etc/kube-registrar/config/config.yaml'],
  ): Promise<void> {
    const node = join(root, 'node_modules/node/bin/node');
    this.#process = await ServerProcess.start({
      name: 'kube-registrar in its image',
      command: '/usr/bin/env',
      args: [
        '-i',
        'PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
        ...Object.entries(this.#env).map(([name, value]) => `${name}=${value}`),
        ...[
          'unshare',
          '--mount',
          'sh',
          '-c',
          enter,
          'sh',
          this.#dir,
          join(root, 'dist/image'),
          node,
          ...args,
        ],
      ],
      logFile: this.#logFile,
      ready: async () => (await fetch(`${this.url}/healthz`)).ok,
    });
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
    await rm(this.#dir, { recursive: true, force: true });
  }

  get #logFile(): string {
    return join(this.#dir, 'log');
  }
}
