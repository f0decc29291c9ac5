import type { Fault } from '../../../src/sandbox/kube/faults.ts';
import type { KubeFault } from '../cluster.ts';
import { type Action, at } from '../script.ts';

const collections = ['pods', 'services', 'endpointslices', 'nodes'] as const;
const storageOf = {
  pods: 'pods',
  services: 'services',
  endpointslices: 'endpointslices.discovery.k8s.io',
  nodes: 'nodes',
};

/** A fault for as long as a step lasts. */
function during(
  fault: (step: Parameters<Action>[1], random: () => number) => KubeFault,
  what: string,
): Action {
  return (world, step) => {
    const { faults } = world.clusters[step.cluster]!;
    let state = step.x;
    // Not the world's randomness: whether a request meets trouble must not depend on other draws.
    const random = () => {
      state = (state * 9_301 + 0.49297) % 1;
      return state;
    };
    const inForce = fault(step, random);
    faults.add(inForce);
    world.outOfOrder(step.forMs, what, () => void faults.delete(inForce));
    return `${what} for ${step.forMs} ms`;
  };
}

/** Every request fails, and running watches break. */
const down: Action = (world, step) => {
  const answers: readonly [string, Fault][] = [
    ['reset', { kind: 'reset', applied: false }],
    ['hang', { kind: 'hang' }],
    ['503', { kind: 'answer', status: 503 }],
    ['500', { kind: 'answer', status: 500 }],
    ['429', { kind: 'answer', status: 429, headers: { 'retry-after': '3' } }],
  ];
  const [what, fault] = at(answers, step.y)!;
  world.clusters[step.cluster]!.kube.faults.cutWatches('reset');
  return during(() => () => fault, `API server ${what}`)(world, step);
};

const flaky = during(
  (_, random) => () => {
    const draw = random();
    if (draw < 0.2) return { kind: 'answer', status: 500 };
    if (draw < 0.35) return { kind: 'reset', applied: true };
    if (draw < 0.5) return { kind: 'truncate', bytes: Math.floor(draw * 3_000) };
    if (draw < 0.6) return { kind: 'delay', ms: 5_000 * draw };
    return undefined;
  },
  'flaky API server',
);

/** Lists and watches break off in the middle of their bodies. */
const truncating = during(
  ({ y }) =>
    () => ({ kind: 'truncate', bytes: Math.floor(y * 4_000) }),
  'truncated answers',
);

/** Rights on one resource are taken away. */
const forbidden = during(({ y }) => {
  const collection = at(collections, y)!;
  return ({ path }) =>
    path.includes(`/${collection}?`)
      ? {
          kind: 'answer',
          status: 403,
          body: { kind: 'Status', code: 403, reason: 'Forbidden', message: 'forbidden' },
        }
      : undefined;
}, 'rights lost');

const cut: Action = (world, { cluster, x, y }) => {
  const how = at(['end', 'reset', 'mid-line'] as const, x)!;
  const collection = at(['', ...collections] as const, y)!;
  world.clusters[cluster]!.kube.faults.cutWatches(
    how,
    collection === '' ? {} : { storage: storageOf[collection] },
  );
  return `${collection || 'all'}: ${how}`;
};

const garbage: Action = (world, { cluster }) => {
  world.clusters[cluster]!.kube.faults.sendGarbage();
  return 'all watches';
};

/** Silence without an end: what happens meanwhile is not heard of until then. */
const stallWatches: Action = (world, { cluster: index, forMs }) => {
  const cluster = world.clusters[index]!;
  if (cluster.news.isHeldBack) return undefined;
  cluster.news.holdBack(world.clock.now());
  cluster.kube.faults.stallWatches();
  world.outOfOrder(forMs, 'watches stalled', () => {
    cluster.kube.faults.resumeWatches();
    cluster.news.release(world.clock.now());
  });
  return `for ${forMs} ms`;
};

/** The history is gone and the watches with it: 410 for whoever comes back. */
const compact: Action = (world, { cluster, y }) => {
  const { faults } = world.clusters[cluster]!.kube;
  faults.compact();
  if (y < 0.8) faults.cutWatches('end');
  return y < 0.8 ? 'and watches ended' : 'watches go on';
};

/**
 * Sieve's hidden states: the operator is blind for a while and then finds only the end of what happened,
 * because the history in between is gone.
 */
const blind: Action = (world, step) => {
  const { kube } = world.clusters[step.cluster]!;
  const done = stallWatches(world, step);
  if (done === undefined) return undefined;
  world.after(Math.max(0, step.forMs - 1), () => {
    kube.faults.compact();
    kube.faults.cutWatches('reset');
  });
  return done;
};

/** Sieve's stale view: the server's cache stops; consistent reads are still right. */
const stale: Action = (world, { cluster: index, forMs }) => {
  const cluster = world.clusters[index]!;
  if (cluster.news.isHeldBack) return undefined;
  cluster.news.holdBack(world.clock.now());
  cluster.kube.faults.serveStale();
  world.outOfOrder(forMs, 'stale cache', () => {
    cluster.kube.faults.serveFresh();
    cluster.news.release(world.clock.now());
  });
  return `for ${forMs} ms`;
};

const noWatchList: Action = (world, { cluster: index, forMs }) => {
  const { faults } = world.clusters[index]!.kube;
  faults.watchList = false;
  world.outOfOrder(forMs, 'no WatchList', () => {
    faults.watchList = true;
  });
  return `for ${forMs} ms`;
};

export const kubeFaults = {
  'kube-down': down,
  'kube-flaky': flaky,
  'kube-truncating': truncating,
  'kube-forbidden': forbidden,
  'kube-cut': cut,
  'kube-garbage': garbage,
  'kube-stall': stallWatches,
  'kube-compact': compact,
  'kube-blind': blind,
  'kube-stale': stale,
  'kube-no-watchlist': noWatchList,
} satisfies Record<string, Action>;
