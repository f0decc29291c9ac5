/** A program that consumes from Consul, with a configuration file of its own. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireServers } from '../../servers/locate.ts';
import { dataDir } from './data-dir.ts';
import { ServerProcess } from './process.ts';

export interface ConsumerOptions {
  readonly program: 'prometheus' | 'haproxy' | 'nginx';
  /** Text of its configuration file, given a directory of its own. */
  readonly config: (directory: string) => string;
  /** `config` is the file's path. */
  readonly args: (config: string, directory: string) => readonly string[];
  /** Polled until it returns without throwing or returning false. */
  readonly ready: () => unknown;
}

export async function startConsumer({
  program,
  config,
  args,
  ready,
}: ConsumerOptions): Promise<AsyncDisposable> {
  const { [program]: command } = await requireServers([program]);
  const directory = await dataDir(program);
  await using started = new AsyncDisposableStack();
  started.defer(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'config');
  await writeFile(file, config(directory));
  started.use(
    await ServerProcess.start({
      name: program,
      command,
      args: args(file, directory),
      logFile: join(directory, 'log'),
      ready,
    }),
  );
  return started.move();
}
