/** containerd with runc: images, and containers that are run without a kubelet. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { requireServers } from '../../servers/locate.ts';
import { dataDir } from '../real/data-dir.ts';
import { Server } from '../real/server.ts';

const run = promisify(execFile);

const programNames = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'runc', 'bridge'] as const;
type Programs = Record<(typeof programNames)[number], string>;

/** The image every pod's sandbox is made of. */
export const pauseImage = 'test/pause:1';

export class Containerd implements AsyncDisposable {
  readonly server: Server;
  /** Path of its socket. */
  readonly socket: string;
  /** Directory where CNI's configuration is looked for. */
  readonly cniDirectory: string;
  /** The PATH with the programs it needs; kubelets need them too. */
  readonly path: string;
  readonly #ctr: string;

  /** Not started yet. */
  static async create(name: string): Promise<Containerd> {
    const [dir, programs] = await Promise.all([dataDir(name), requireServers(programNames)]);
    const containerd = new Containerd(dir, name, programs);
    await writeFile(join(dir, 'config.toml'), containerd.#config(dir, name, programs));
    return containerd;
  }

  private constructor(dir: string, name: string, programs: Programs) {
    this.#ctr = programs.ctr;
    this.socket = `/run/test/${name}/containerd.sock`;
    this.cniDirectory = join(dir, 'cni');
    const folders = [programs['containerd-shim-runc-v2'], programs.runc].map(dirname);
    this.path = [...folders, process.env['PATH']].join(':');
    this.server = new Server({
      name: `containerd ${name}`,
      command: programs.containerd,
      args: ['--config', join(dir, 'config.toml')],
      env: { PATH: this.path },
      logFile: join(dir, 'containerd.log'),
      ready: () => this.ctr('version'),
    });
  }

  /** Output of a command of ctr's, in the namespace that kubelets use. */
  async ctr(...args: readonly string[]): Promise<string> {
    const flags = ['--address', this.socket, '--namespace', 'k8s.io'];
    return (await run(this.#ctr, [...flags, ...args], { maxBuffer: 16 * 1024 * 1024 })).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
  }

  /** Containers' files lie in the memory of `/run`: overlays cannot be stacked on the disks of some machines. */
  #config(dir: string, name: string, programs: Programs): string {
    const text = (value: string) => JSON.stringify(value);
    const cri = (part: string) => `[plugins.'io.containerd.cri.v1.${part}]`;
    return [
      'version = 3',
      `root = ${text(`/run/test/${name}/root`)}`,
      `state = ${text(`/run/test/${name}/state`)}`,
      '[grpc]',
      `address = ${text(this.socket)}`,
      '[debug]',
      'level = "warn"',
      // Its socket has one place on a machine, whatever the root: the second of two nodes would find it in use.
      "[plugins.'io.containerd.nri.v1.nri']",
      'disable = true',
      cri(`images'.pinned_images`),
      `sandbox = "docker.io/${pauseImage}"`,
      cri(`runtime'`),
      'restrict_oom_score_adj = true',
      'disable_apparmor = true',
      cri(`runtime'.cni`),
      `bin_dirs = [${text(join(dirname(programs.bridge), 'root/usr/lib/cni'))}]`,
      `conf_dir = ${text(join(dir, 'cni'))}`,
      cri(`runtime'.containerd.runtimes.runc`),
      'runtime_type = "io.containerd.runc.v2"',
      cri(`runtime'.containerd.runtimes.runc.options`),
      `BinaryName = ${text(programs.runc)}`,
      'SystemdCgroup = false',
      '',
    ].join('\n');
  }
}
