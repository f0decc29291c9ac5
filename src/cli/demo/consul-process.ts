import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { ConsulApi } from '../../consul/consul-api.ts';
import type { Clock } from '../../lib/clock.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import { HttpTransport } from '../../lib/http-transport.ts';

export interface ConsulProcess extends AsyncDisposable {
  /** Of its HTTP API. */
  readonly origin: string;
}

/**
 * The child's shell first starts a watcher that waits on a pipe whose other end only this process holds: it
 * closes however this process ends, SIGKILL included, and the watcher then kills the whole process group.
 */
const supervise = '(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3>&-';
const readyWithinMs = 30_000;
const lookMs = 100;
const lastWords = 2_000;

/**
 * Starts `consul agent -dev` on free ports of 127.0.0.1; its data is in memory. Resolves when it has a
 * leader. Rejects with `config` when the program cannot be run, `unavailable` when it does not get ready.
 */
export async function startConsul(
  program: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<ConsulProcess> {
  const [http, serf, server] = await freePorts(3);
  const ports = `ports { http = ${http} dns = -1 grpc = -1 grpc_tls = -1 serf_lan = ${serf} serf_wan = -1 server = ${server} }`;
  const args = ['agent', '-dev', '-bind', '127.0.0.1', '-client', '127.0.0.1', '-log-level', 'warn'];
  const child = spawn('/bin/sh', ['-c', supervise, 'consul', program, ...args, '-hcl', ports], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let output = '';
  const listenTo = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-lastWords);
  };
  child.stdout?.on('data', listenTo);
  child.stderr?.on('data', listenTo);
  const lifeline = child.stdio[3] as Socket;
  lifeline.on('error', () => {});
  // The watcher still runs, so the group's id is not reused.
  const exited = once(child, 'exit').then(() => {
    killGroup(child);
    lifeline.destroy();
  });
  const origin = `http://127.0.0.1:${http}`;
  // The agent keeps everything in memory: there is nothing to save.
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) killGroup(child);
    await exited;
  };
  try {
    await untilReady(child, origin, clock, signal);
  } catch (thrown) {
    await stop();
    signal.throwIfAborted();
    const said =
      output.trim() === '' ? '' : `; its output: ${output.trim().split('\n').slice(-3).join(' | ')}`;
    throw new RegistrarError('config', `Consul (${program}) did not start: ${describe(thrown)}${said}`);
  }
  return { origin, [Symbol.asyncDispose]: stop };
}

async function untilReady(
  child: ChildProcess,
  origin: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const consul = new ConsulApi({ transport: new HttpTransport({ origin }), clock, timeoutMs: 2_000 });
  const until = clock.now() + readyWithinMs;
  try {
    for (;;) {
      if (child.exitCode !== null) throw new Error(`it exited with code ${child.exitCode}`);
      if (clock.now() > until) throw new Error(`it had no leader after ${readyWithinMs / 1_000} s`);
      if (await hasLeader(consul, signal)) return;
      await clock.sleep(lookMs, signal);
    }
  } finally {
    await consul.close();
  }
}

async function hasLeader(consul: ConsulApi, signal: AbortSignal): Promise<boolean> {
  try {
    const { body } = await consul.call(({ status }, context) => status.leader(context), signal);
    return /:\d+/.test(String(body));
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return false;
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}

/** Ports of 127.0.0.1 that were free a moment ago, all different. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  try {
    await Promise.all(servers.map((server) => once(server, 'listening')));
    return servers.map((server) => (server.address() as AddressInfo).port);
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
