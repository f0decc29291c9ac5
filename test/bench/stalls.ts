/**
 * Loaded into the operator with `--import`: finds out what ran while its event loop stood still. A profile is taken all
 * the time, and from the first connection to a server on a timer notes when it is late. At the end the stalls that took
 * most of a processor are written to the file named by `STALLS_FILE`, as JSON. Costs a few percent of processor time
 * and some memory.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector';

/** Time in which nothing else could run. */
export interface Stall {
  readonly ms: number;
  /** What this thread got of a processor in that time: on a busy machine it is less. */
  readonly cpuMs: number;
  /** Since the start of the process, in seconds. */
  readonly at: number;
  /** Share of garbage collection in it. */
  readonly collecting: number;
  /** The calls that took most of it, the outermost first: `run > #compute > diff`. */
  readonly ran: string;
}

/** How often the timer is due, how late it may be, and how many stalls are written. */
const everyMs = 5;
const leastMs = 15;
const mostWritten = 20;

/** A channel of undici's. */
const firstConnection = 'undici:client:connected';

/** The same clock as that of profiles, in microseconds. */
const now = (): number => Number(process.hrtime.bigint() / 1_000n);

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function watch(file: string): void {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 1_000 });
  session.post('Profiler.start');
  const begun = now();
  const late: { readonly from: number; readonly to: number; readonly cpuMs: number }[] = [];
  let last = begun;
  let lastCpuMs = threadCpuMs();
  setInterval(() => {
    const at = now();
    const due = last + everyMs * 1_000;
    const cpuMs = threadCpuMs();
    if (at - due > leastMs * 1_000) late.push({ from: due, to: at, cpuMs: cpuMs - lastCpuMs });
    last = at;
    lastCpuMs = cpuMs;
  }, everyMs).unref();
  // What ran before, loading modules for the most part, has held nobody up.
  const connected = (): void => {
    unsubscribe(firstConnection, connected);
    late.length = 0;
  };
  subscribe(firstConnection, connected);
  process.once('exit', () => {
    const longest = late.sort((a, b) => b.cpuMs - a.cpuMs).slice(0, mostWritten);
    session.post('Profiler.stop', (error, result) => {
      if (error !== null) return;
      const samples = samplesOf(result.profile);
      const stalls = longest.map(({ from, to, cpuMs }): Stall => {
        const during = samples.filter(({ at }) => at >= from && at <= to);
        const ms = (to - from) / 1_000;
        return { ms, cpuMs, at: (from - begun) / 1e6, ...described(during) };
      });
      writeFileSync(file, JSON.stringify(stalls));
    });
  });
}

interface Sample {
  readonly at: number;
  /** Function names, the outermost first. */
  readonly stack: readonly string[];
}

function samplesOf({ nodes, samples = [], timeDeltas = [], startTime }: Profiler.Profile): Sample[] {
  const parents = new Map<number, number>();
  for (const { id, children = [] } of nodes) for (const child of children) parents.set(child, id);
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName]));
  const stacks = new Map<number, readonly string[]>();
  const stackOf = (id: number): readonly string[] => {
    const known = stacks.get(id);
    if (known !== undefined) return known;
    const parent = parents.get(id);
    const stack = parent === undefined ? [] : [...stackOf(parent), names.get(id) || '…'];
    stacks.set(id, stack);
    return stack;
  };
  let at = startTime;
  return samples.map((id, index) => {
    at += timeDeltas[index] ?? 0;
    return { at, stack: stackOf(id) };
  });
}

/** Follows the calls from the outside as long as one of them has a third of the samples. */
function described(samples: readonly Sample[]): Pick<Stall, 'collecting' | 'ran'> {
  const isCollecting = ({ stack }: Sample) => stack.at(-1) === '(garbage collector)';
  const collecting = samples.filter(isCollecting).length / Math.max(1, samples.length);
  const path: string[] = [];
  let within = samples.filter((sample) => !isCollecting(sample));
  const least = within.length / 3;
  for (;;) {
    const depth = path.length;
    const byCall = Map.groupBy(within, ({ stack }) => stack[depth]);
    byCall.delete(undefined);
    const [call, most = []] = [...byCall].sort((a, b) => b[1].length - a[1].length)[0] ?? [];
    if (call === undefined || most.length === 0 || most.length < least) break;
    path.push(call);
    within = most;
  }
  return { collecting, ran: path.filter((name) => name !== '…').join(' > ') };
}

const file = process.env['STALLS_FILE'];
if (file !== undefined) watch(file);
