import type { KubeFault } from '../cluster.ts';
import { type Action, at } from '../script.ts';

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

/** Killed, and back at once while the API server does not yet answer for one kind of object. */
const restartHalfBlind: Action = (world, { cluster: index, x, forMs }) => {
  const cluster = world.clusters[index]!;
  const running = world.running(cluster);
  if (running === undefined) return undefined;
  const collection = at(['pods', 'services', 'endpointslices', 'nodes'], x)!;
  const fault: KubeFault = ({ path }) =>
    path.includes(`/${collection}?`) ? { kind: 'answer', status: 503 } : undefined;
  cluster.faults.add(fault);
  world.outOfOrder(forMs, `no ${collection}`, () => void cluster.faults.delete(fault));
  world.crash(running, 10);
  return `${running.name}, no ${collection} for ${forMs} ms`;
};

/** The event loop stands still: a paused VM, a long garbage collection. */
const stall: Action = (world, { cluster, forMs }) => {
  const running = world.running(world.clusters[cluster]!);
  if (running === undefined) return undefined;
  running.clock.stall(forMs);
  world.after(forMs, () => {});
  return `${running.name} for ${forMs} ms`;
};

/** The event loop stands still for longer than a lease lasts, and then goes on. */
const pause: Action = (world, step) => stall(world, { ...step, forMs: 60_000 });

/** The leader alone, not its replica, is cut off from a server: packets vanish, and nobody is told. */
const cutOff =
  (side: 'kube' | 'consul'): Action =>
  (world, { cluster, forMs }) => {
    const running = world.running(world.clusters[cluster]!);
    if (running === undefined) return undefined;
    const { heal } = running.cut(side);
    world.outOfOrder(forMs, `${running.name} cut off from ${side}`, heal);
    return `${running.name} for ${forMs} ms`;
  };

/** Somebody sets the wall clock, forwards or backwards by up to a day. */
const skew: Action = (world, { cluster, x }) => {
  const running = world.running(world.clusters[cluster]!);
  if (running === undefined) return undefined;
  running.clock.skewMs = (x - 0.5) * 2 * 86_400_000;
  return `${running.name} by ${Math.round(running.clock.skewMs / 1_000)} s`;
};

/**
 * The next write leaves the process, which then stands still, and reaches Consul only when it wakes up:
 * what a paused leader does to its successor's work.
 */
const pausedWrite: Action = (world, { cluster, forMs }) => {
  const running = world.running(world.clusters[cluster]!);
  if (running === undefined) return undefined;
  running.pauseAtWriteMs = 25_000 + (forMs % 15_000);
  world.outOfOrder(60_000, 'paused write', () => {
    running.pauseAtWriteMs = 0;
  });
  return `${running.name} for ${running.pauseAtWriteMs} ms`;
};

export const processes = {
  crash,
  'crash-at-write': crashAtWrite,
  restart,
  'restart-half-blind': restartHalfBlind,
  'paused-write': pausedWrite,
  stall,
  pause,
  'cut-kube': cutOff('kube'),
  'cut-consul': cutOff('consul'),
  skew,
} satisfies Record<string, Action>;
