/** A control group with a memory limit, as the kubelet makes one for a container. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';

interface Version {
  /** Directory below which groups are made. */
  readonly root: string;
  readonly limit: string;
  readonly peak: string;
  /** File with a line `oom_kill N`. */
  readonly kills: string;
}

const unified: Version = {
  root: '/sys/fs/cgroup',
  limit: 'memory.max',
  peak: 'memory.peak',
  kills: 'memory.events',
};
const legacy: Version = {
  root: '/sys/fs/cgroup/memory',
  limit: 'memory.limit_in_bytes',
  peak: 'memory.max_usage_in_bytes',
  kills: 'memory.oom_control',
};

export class MemoryLimit {
  /** Directory of the group; a process enters it by writing its id to `cgroup.procs` there. */
  readonly path: string;
  readonly #version: Version;

  /** Undefined where this machine lets no limit be set. */
  static async create(bytes: number): Promise<MemoryLimit | undefined> {
    const version = existsSync(join(legacy.root, legacy.limit)) ? legacy : unified;
    const path = join(version.root, `kube-registrar-${randomUUID()}`);
    try {
      await mkdir(path);
    } catch {
      return undefined;
    }
    try {
      await writeFile(join(path, version.limit), `${bytes}`);
      return new MemoryLimit(path, version);
    } catch {
      await rmdir(path);
      return undefined;
    }
  }

  private constructor(path: string, version: Version) {
    this.path = path;
    this.#version = version;
  }

  /** Most memory the group has had, page cache included, in bytes. */
  async peakBytes(): Promise<number> {
    return Number(await readFile(join(this.path, this.#version.peak), 'utf8'));
  }

  /** How often the kernel has killed a process for the limit. */
  async kills(): Promise<number> {
    const text = await readFile(join(this.path, this.#version.kills), 'utf8');
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** Once its processes have ended. */
  async remove(): Promise<void> {
    await eventually(() => rmdir(this.path), { what: 'the control group is empty' });
  }
}
