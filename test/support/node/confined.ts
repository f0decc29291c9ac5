/** Containers of the operator's image under runc, as strictly confined as a cluster may ask, on the machine's network. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireServers } from '../../servers/locate.ts';
import { dataDir } from '../real/data-dir.ts';
import type { ContainerOptions } from '../real/image.ts';
import { ServerProcess } from '../real/process.ts';
import { imageName } from './build-image.ts';
import { Containerd } from './containerd.ts';
import { hierarchies, makeControlGroup } from './world.ts';

/** What containerd would leave to a container. */
const capabilities = [
  ...[
    'CHOWN',
    'DAC_OVERRIDE',
    'FSETID',
    'FOWNER',
    'MKNOD',
    'NET_RAW',
    'SETGID',
    'SETUID',
    'SETFCAP',
    'SETPCAP',
  ],
  ...['NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
];
const memoryBytes = 128 * 2 ** 20;
const pids = 64;

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** A container runtime that has the image. */
export class ImageRunner implements AsyncDisposable {
  readonly #containerd: Containerd;
  readonly #ctr: string;
  readonly #dir: string;
  #count = 0;

  static async start(archive: string): Promise<ImageRunner> {
    const { ctr } = await requireServers(['ctr']);
    const containerd = await Containerd.create('images');
    await containerd.server.start();
    await containerd.ctr('images', 'import', archive);
    return new ImageRunner(containerd, ctr, await dataDir('containers'));
  }

  private constructor(containerd: Containerd, ctr: string, dir: string) {
    this.#containerd = containerd;
    this.#ctr = ctr;
    this.#dir = dir;
  }

  /** Starts a container; `ready` as in ServerProcess. */
  async start(
    options: Pick<ContainerOptions, 'command'> & Partial<ContainerOptions>,
    ready?: () => unknown,
  ): Promise<ConfinedContainer> {
    const id = `confined-${this.#count++}`;
    const dir = join(this.#dir, id);
    const logFile = join(dir, 'log');
    const mounts = await this.#mounts(dir, options);
    const process = await ServerProcess.start({
      name: id,
      command: this.#ctr,
      args: [
        ...['--address', this.#containerd.socket, '--namespace', 'k8s.io', 'run', '--rm', '--net-host'],
        ...[
          '--read-only',
          '--seccomp',
          '--memory-limit',
          `${memoryBytes}`,
          '--cgroup',
          await this.#group(id),
        ],
        ...capabilities.flatMap((name) => ['--cap-drop', `CAP_${name}`]),
        ...Object.entries(options.env ?? {}).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
        ...mounts.flatMap((mount) => ['--mount', mount]),
        ...[imageName, id, ...options.command],
      ],
      env: { PATH: this.#containerd.path },
      logFile,
      ...(ready === undefined ? {} : { ready }),
    });
    return new ConfinedContainer(id, this.#containerd, process, logFile);
  }

  /** Runs a container to its end. */
  async run(options: Pick<ContainerOptions, 'command'> & Partial<ContainerOptions>): Promise<Ended> {
    const container = await this.start(options);
    return container.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#containerd[Symbol.asyncDispose]();
  }

  /** Files and directories of the host, each mounted where a kubelet would. */
  async #mounts(dir: string, options: Partial<ContainerOptions>): Promise<string[]> {
    const bind = (from: string, to: string) => `type=bind,src=${from},dst=${to},options=rbind:ro`;
    const mounts: string[] = [];
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'hosts'), `127.0.0.1 ${['localhost', ...(options.hosts ?? [])].join(' ')}\n`);
    mounts.push(bind(join(dir, 'hosts'), '/etc/hosts'));
    for (const [index, [path, files]] of Object.entries(options.mounts ?? {}).entries()) {
      const source = join(dir, `${index}`);
      await mkdir(source);
      for (const [name, text] of Object.entries(files))
        await writeFile(join(source, name), text, { mode: 0o444 });
      mounts.push(bind(source, path));
    }
    // ctr leaves it out, and Node then takes the memory of the machine for its own.
    mounts.push('type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=ro:nosuid:noexec:nodev');
    for (const path of options.emptyDirs ?? [])
      mounts.push(`type=tmpfs,src=tmpfs,dst=${path},options=mode=0777`);
    return mounts;
  }

  /** A control group below one that limits processes, for which ctr has no option. */
  async #group(id: string): Promise<string> {
    const path = await makeControlGroup(id);
    const limits = hierarchies().map((directory) => join(directory, path, 'pids.max'));
    const set = await Promise.allSettled(
      limits.map(async (file) => {
        await readFile(file);
        await writeFile(file, `${pids}`);
      }),
    );
    if (!set.some(({ status }) => status === 'fulfilled'))
      throw new Error('no control group limits processes here');
    return join(path, 'container');
  }
}

export class ConfinedContainer {
  readonly #id: string;
  readonly #containerd: Containerd;
  readonly #process: ServerProcess;
  readonly #logFile: string;

  constructor(id: string, containerd: Containerd, process: ServerProcess, logFile: string) {
    this.#id = id;
    this.#containerd = containerd;
    this.#process = process;
    this.#logFile = logFile;
  }

  async output(): Promise<string> {
    return readFile(this.#logFile, 'utf8');
  }

  async ended(): Promise<Ended> {
    return { code: await this.#process.ended(), output: await this.output() };
  }

  /** SIGTERM to its first process; resolves with how it ended and after how many ms. */
  async terminate(): Promise<Ended & { readonly ms: number }> {
    const start = performance.now();
    await this.#containerd.ctr('tasks', 'kill', '--signal', 'SIGTERM', this.#id);
    const ended = await this.ended();
    return { ...ended, ms: performance.now() - start };
  }

  /** A line of the kernel's account of its first process, such as `CapBnd`, `Seccomp`, `NoNewPrivs`. */
  async account(name: string): Promise<string> {
    const tasks = await this.#containerd.ctr('tasks', 'list');
    const pid = new RegExp(`^${this.#id}\\s+(\\d+)`, 'm').exec(tasks)![1]!;
    const text = await readFile(`/proc/${pid}/status`, 'utf8');
    return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)![1]!;
  }
}
