import { actions } from './actions/actions.ts';
import { catalogOf } from './catalog.ts';
import { differences } from './convergence.ts';
import { Draw } from './draw.ts';
import type { OperatorProcess } from './operator-process.ts';
import { type Action, type Script, told } from './script.ts';
import { type Violation, World } from './world.ts';

export interface Outcome {
  readonly script: Script;
  readonly violations: readonly Violation[];
  readonly trace: readonly string[];
  /** Virtual ms from the end of the trouble until everything was right. */
  readonly convergedMs: number | undefined;
}

/** All trouble over, everything is right within this time, ms. */
const convergenceMs = 600_000;
/** After a list that lied: the next full comparison of a store, should nothing registered point to it, ms. */
const auditMs = 4_500_000;
/**
 * After a restore, or where the configuration leaves out what it took: until what nothing explains goes by itself, ms.
 * Nobody ever releases anything.
 */
const restoredMs = 1_300_000;
/** How long it is watched that nothing is written any more, ms: a periodic comparison. */
const quietMs = 75_000;

/** Runs a script to its end or to the first violation. The same script always gives the same outcome. */
export async function simulate(script: Script): Promise<Outcome> {
  const world = new World(script.seed, script.traits);
  const onRejection = (reason: unknown) => world.violated('rejection', String(reason));
  process.on('unhandledRejection', onRejection);
  // Errors are what this is about, and their stacks cost a good part of the time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const convergedMs = await run(world, script);
    return { script, violations: world.violations, trace: world.trace.lines, convergedMs };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    process.off('unhandledRejection', onRejection);
    for (const each of world.processes) each.kill();
    world.consul[Symbol.dispose]();
  }
}

async function run(world: World, { seed, steps, promptMs }: Script): Promise<number | undefined> {
  const draw = new Draw(seed, 'nodes');
  for (const cluster of world.clusters) {
    for (let node = draw.int(1, 4); node > 0; node -= 1) cluster.putNode(`n${node}`);
    for (let replica = world.traits.replicas; replica > 0; replica -= 1) world.start(cluster);
  }
  for (const step of steps) {
    world.after(step.at, () => {
      const action: Action | undefined = (actions as Readonly<Record<string, Action>>)[step.action];
      const done = action?.(world, step);
      if (done !== undefined) world.trace.add(`c${step.cluster} ${step.action}: ${done}`);
    });
  }
  await world.live();
  if (world.violations.length > 0) return undefined;
  world.trace.add('the trouble is over');
  world.heal();
  for (const cluster of world.clusters) {
    const { length } = world.alive(cluster);
    if (length !== world.traits.replicas)
      world.violated('simulator', `${length} operators of ${cluster.name}`);
  }
  const convergedMs = await converge(world, promptMs);
  if (convergedMs === undefined || !(await staysQuiet(world, 'after convergence'))) return convergedMs;
  const survivors = world.processes.filter(({ isAlive }) => isAlive);
  await quiesce(world, survivors);
  const held = world.clusters.map((cluster) => sizes(world.running(cluster)!));
  await stopAll(world, survivors);
  if (world.violations.length > 0) return convergedMs;
  await compareWithFresh(world, held);
  return convergedMs;
}

async function converge(world: World, promptMs: number): Promise<number | undefined> {
  const start = world.clock.now();
  const hasGoneBack = world.clusters.some(({ wentBackAt }) => wentBackAt !== undefined);
  const isLiedTo = world.clusters.some(({ wasLiedTo }) => wasLiedTo);
  // That a namespace lost its labels while nobody saw it looks like a mistake in the selector.
  const mayBeLeftOut = world.traits.sync !== undefined;
  const heldMs = hasGoneBack || mayBeLeftOut ? restoredMs : convergenceMs;
  // What the comparison finds may be held then.
  const mostMs = isLiedTo ? auditMs + heldMs : heldMs;
  let left: string[] = [];
  for (let wait = 50; world.clock.now() - start < mostMs; wait = Math.min(10_000, wait * 2)) {
    await world.clock.advance(wait);
    if (world.violations.length > 0) return undefined;
    left = remaining(world);
    if (left.length === 0) {
      world.trace.add('converged');
      const took = world.clock.now() - start;
      if (took > promptMs) world.violated('prompt', `converged after ${took} ms, not within ${promptMs}`);
      return took;
    }
  }
  world.violated('convergence', left.join('; '));
  return undefined;
}

function remaining(world: World): string[] {
  const catalog = catalogOf(world.consul);
  return world.clusters.flatMap((cluster) => {
    const { history, uid } = cluster;
    return differences(history.now, catalog, uid, world.running(cluster)?.wiped ?? new Set());
  });
}

/** No operation is written while nothing changes. */
async function staysQuiet(world: World, when: string): Promise<boolean> {
  // What reached us a moment ago may still be on its way to Consul, or wait there for its next try.
  // What a list that lied has left out of a store, a comparison with the API server finds later; Consul may be right
  // without it, but for what only the pod tells of an endpoint.
  // So does it what is left of another history, and a route rests on several kinds of objects.
  const isMixed = world.traits.routes && world.clusters.some(({ wentBackAt }) => wentBackAt !== undefined);
  const isLate = world.hasRefused || isMixed || world.clusters.some(({ wasLiedTo }) => wasLiedTo);
  await world.clock.advance(isLate ? 320_000 : 16_000);
  const before = world.safety.written;
  await world.clock.advance(quietMs);
  const written = world.safety.written - before;
  if (written > 0) world.violated('quiet', `${written} operations were written ${when}`);
  for (const difference of remaining(world)) world.violated('quiet', `${difference} ${when}`);
  return world.violations.length === 0;
}

/** A periodic comparison may be under way. */
async function quiesce(world: World, processes: readonly OperatorProcess[]): Promise<void> {
  const busy = ({ operator }: OperatorProcess) => operator.status().queue.depth > 0;
  for (let tries = 0; tries < 20 && processes.some(busy); tries += 1) await world.clock.advance(500);
}

async function stopAll(world: World, survivors: readonly OperatorProcess[]): Promise<void> {
  for (const survivor of survivors) survivor.stop();
  await world.clock.advance(30_000);
  for (const cluster of world.clusters) cluster.stop();
  for (const survivor of survivors) {
    if (survivor.state !== 'stopped') world.violated('stop', `${survivor.name} has not stopped`);
    for (const leak of survivor.leaks()) world.violated('leak', leak);
  }
  const watches = world.clusters.reduce((sum, { kube }) => sum + kube.watches.size, 0);
  if (watches > 0) world.violated('leak', `${watches} watches are open`);
  if (world.consul.stats.blocked > 0) world.violated('leak', `${world.consul.stats.blocked} queries wait`);
  world.consul[Symbol.dispose]();
  if (world.clock.pending > 0) world.violated('leak', `${world.clock.pending} timers are left`);
}

/** A new process finds nothing to write, and holds as much as the old one did. */
async function compareWithFresh(world: World, held: readonly string[]): Promise<void> {
  const before = world.safety.written;
  for (const cluster of world.clusters) cluster.live();
  const fresh = world.clusters.map((cluster) => world.start(cluster));
  // Taking over from a replica takes its time.
  await world.clock.advance(world.traits.replicas === 1 ? 5_000 : 40_000);
  const written = world.safety.written - before;
  if (written > 0) world.violated('quiet', `${written} operations were written after a restart`);
  for (const [index, old] of held.entries()) {
    const now = sizes(fresh[index]!);
    if (old !== now && !world.clusters[index]!.wasLiedTo)
      world.violated('memory', `the old process of c${index} held ${old}; a fresh one ${now}`);
  }
  await stopAll(world, fresh);
}

function sizes({ operator }: OperatorProcess): string {
  const { nodes, problems, queue, reflectors, waitingFor } = operator.status();
  const instances = nodes.map(({ name, instances }) => `${name}=${instances}`);
  const objects = reflectors.map((each) => `${each.resource}=${each.objects}`);
  return [
    ...instances,
    ...objects,
    `problems=${problems.length}`,
    `queue=${queue.depth}/${queue.inFlight}`,
    waitingFor,
  ].join(' ');
}

/** What a person needs to see what went wrong. */
export function report({ script, violations, trace }: Outcome, lines = 60): string {
  return [
    `seed ${script.seed}: ${script.rows.join(' + ')}; ${JSON.stringify(script.traits)}`,
    ...violations.map(({ invariant, what, at }) => `  ${invariant} at ${at} ms: ${what}`),
    '  steps:',
    ...script.steps.map((step) => `    ${told(step)}`),
    `  the last of the trace (npm run simulate -- --seed ${script.seed} --trace shows all):`,
    ...trace.slice(-lines).map((line) => `    ${line}`),
  ].join('\n');
}
