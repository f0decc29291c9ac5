import type { Action } from '../script.ts';

const crash: Action = (world, { cluster, forMs }) => {
  const running = world.running(world.clusters[cluster]!);
  if (running === undefined) return undefined;
  world.crash(running, forMs);
  return running.name;
};

/** Sieve's first perturbation: the process ends right before or right after one of its next writes. */
const crashAtWrite: Action = (world, { cluster, x, y, forMs }) => {
  const running = world.running(world.clusters[cluster]!);
  if (running === undefined) return undefined;
  const writesLeft = 1 + Math.floor(x * 4);
  const side = y < 0.5 ? 'before' : 'after';
  running.crashPlan = { writesLeft, side };
  running.onCrash = () => world.crash(running, forMs);
  return `${running.name} ${side} write ${writesLeft} from now`;
};

const restart: Action = (world, { cluster, forMs }) => {
  const running = world.running(world.clusters[cluster]!);
  if (running?.state !== 'running') return undefined;
  world.restart(running, forMs);
  return running.name;
};

/** The event loop stands still: a paused VM, a long garbage collection. */
const stall: Action = (world, { cluster, forMs }) => {
  const running = world.running(world.clusters[cluster]!);
  if (running === undefined) return undefined;
  running.clock.stall(forMs);
  world.after(forMs, () => {});
  return `${running.name} for ${forMs} ms`;
};

/** Somebody sets the wall clock, forwards or backwards by up to a day. */
const skew: Action = (world, { cluster, x }) => {
  const running = world.running(world.clusters[cluster]!);
  if (running === undefined) return undefined;
  running.clock.skewMs = (x - 0.5) * 2 * 86_400_000;
  return `${running.name} by ${Math.round(running.clock.skewMs / 1_000)} s`;
};

export const processes = { crash, 'crash-at-write': crashAtWrite, restart, stall, skew } satisfies Record<
  string,
  Action
>;
