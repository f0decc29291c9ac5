import type { Fault } from '../../../src/sandbox/kube/faults.ts';
import { catalogOf } from '../catalog.ts';
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

/** Lists and watches break off in the middle of their bodies, and everything has to be listed again. */
const truncating: Action = (world, step) => {
  world.clusters[step.cluster]!.forceRelist();
  const fault: Fault = { kind: 'truncate', bytes: Math.floor(step.y * 4_000) };
  return during(() => () => fault, 'truncated answers')(world, step);
};

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
 * Sieve's hidden states: the operator is cut off for a while and then finds only the end of what happened,
 * because the history in between is gone.
 */
const blind: Action = (world, { cluster: index, forMs }) => {
  const cluster = world.clusters[index]!;
  const fault: KubeFault = ({ path }) =>
    path.includes('watch=true') || path.includes('limit=') ? { kind: 'reset', applied: false } : undefined;
  cluster.faults.add(fault);
  cluster.kube.faults.cutWatches('reset');
  world.outOfOrder(forMs, 'blind', () => {
    cluster.faults.delete(fault);
    cluster.forceRelist();
  });
  return `for ${forMs} ms`;
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
    faults.watchList = world.traits.watchList;
  });
  return `for ${forMs} ms`;
};

/**
 * One list of pods comes short, and claims to be whole: a broken proxy, or a server with another's etcd. What
 * it left out and does not change, no watch ever tells of.
 */
const shrunk: Action = (world, { cluster: index, y, forMs }) => {
  const cluster = world.clusters[index]!;
  const lie: KubeFault = ({ path }) => {
    if (!path.startsWith('/api/v1/pods?') || !path.includes('limit=500')) return undefined;
    cluster.faults.delete(lie);
    cluster.wasLiedTo = true;
    world.trace.add(`c${index} a list came short`);
    const items = cluster.pods().filter((_, position) => y >= 0.5 && position % 2 === 0);
    const metadata = { resourceVersion: String(cluster.kube.store.revision) };
    return { kind: 'answer', status: 200, body: { kind: 'PodList', apiVersion: 'v1', metadata, items } };
  };
  const { faults } = cluster.kube;
  faults.watchList = false;
  cluster.faults.add(lie);
  world.outOfOrder(forMs, 'short list', () => {
    faults.watchList = world.traits.watchList;
    cluster.faults.delete(lie);
  });
  cluster.forceRelist();
  return `${y >= 0.5 ? 'half' : 'none'} of the pods`;
};

/** Reads that have to be consistent are not, for a moment: an older state comes back. */
const regressed: Action = (world, { cluster: index, x }) => {
  const cluster = world.clusters[index]!;
  if (cluster.news.isHeldBack) return undefined;
  const ms = Math.round(100 + x * 700);
  cluster.wentBackAt = world.clock.now();
  cluster.news.holdBack(world.clock.now());
  cluster.kube.faults.serveStale({ consistentToo: true });
  world.after(ms / 2, () => cluster.kube.faults.cutWatches('reset'));
  world.outOfOrder(ms, 'old reads', () => {
    cluster.kube.faults.serveFresh();
    cluster.forceRelist();
    cluster.news.release(world.clock.now());
  });
  return `for ${ms} ms`;
};

/** etcd is restored from a backup that is as old as the step lasts. */
const restore: Action = (world, { cluster: index, forMs }) => {
  const cluster = world.clusters[index]!;
  const backup = cluster.kube.store.snapshot();
  // Much is lost with the history: what follows must not come as far before anybody asks.
  for (let each = 0; each < 40; each += 1) cluster.kube.addNamespace(cluster.freshName('lost'));
  const { restores } = cluster;
  world.after(forMs, () => {
    // A backup of another branch of history may have the very version that was seen: nobody could tell.
    if (cluster.restores !== restores) return;
    cluster.restores += 1;
    cluster.wentBackAt = world.clock.now();
    cluster.kube.faults.restore(backup);
    cluster.looked();
    world.trace.add(`c${index} etcd restored from ${forMs} ms ago`);
  });
  return `to what it is now, in ${forMs} ms`;
};

/** As a restore is done by the book: the API server is stopped for it, and cluster life goes on at once. */
const restoreAway: Action = (world, step) => {
  const cluster = world.clusters[step.cluster]!;
  const backup = cluster.kube.store.snapshot();
  world.after(step.forMs, () => {
    const lost = cluster.kube.store.revision - backup.revision;
    cluster.wentBackAt = world.clock.now();
    down(world, { ...step, y: 0, forMs: 10_000 });
    cluster.kube.faults.restore(backup);
    cluster.looked();
    for (let each = 0; each < lost; each += 1) cluster.kube.addNamespace(cluster.freshName('other'));
  });
  return `to what it is now, in ${step.forMs} ms`;
};

/** Within which a kubelet hears that a pod is gone, ms: its reflector waits up to a minute after a fault. */
const heardMs = 60_000;

/** A few pods are gone from etcd behind the API's back; then the history and the watches. */
const vanish: Action = (world, { cluster: index, x }) => {
  const cluster = world.clusters[index]!;
  const gone = at(cluster.pods(), x);
  if (gone === undefined) return undefined;
  cluster.vanish([gone]);
  return gone.metadata.name;
};

/**
 * More instances are gone behind the API's back than may go unexplained. Kubelets that are in touch with the API server
 * hear of it, and end them; where they are silent, they run on.
 */
const massVanish: Action = (world, { cluster: index, y }) => {
  const cluster = world.clusters[index]!;
  if (cluster.spared.size > 0) return undefined;
  const pods = cluster.pods().filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const uids = new Set(pods.map(({ metadata }) => metadata.uid));
  const keys = [...cluster.history.now.instances.values()].filter(({ key, check }) => {
    return check === 'passing' && uids.has(/^pod (\S+) /.exec(key)?.[1] ?? '');
  });
  const nodes = new Set(cluster.nodes().map(({ metadata }) => `${cluster.name}-${metadata.name}`));
  // Only what Consul holds counts, and a pod that is missing with its node has ended.
  const registered = keys.filter(({ key, consulNode }) => {
    if (!nodes.has(consulNode)) return false;
    const held = catalogOf(world.consul).get(consulNode)?.instances.get(key);
    // An endpoint that leaves its slice is explained.
    return held !== undefined && held.entry.Meta?.['kube-service'] === undefined;
  });
  if (registered.length <= 12) return undefined;
  const isSilent = y < 0.5;
  for (const { key, address } of registered) {
    cluster.spared.set(key, 'registered');
    cluster.running.add(address);
  }
  if (isSilent) for (const { metadata } of cluster.nodes()) cluster.silent.add(metadata.name);
  cluster.vanish(pods);
  const heard = () => {
    cluster.silent.clear();
    world.clock.schedule(heardMs, () => {
      cluster.spared.clear();
      cluster.running.clear();
    });
  };
  if (isSilent) world.outOfOrder(400_000, 'the kubelets are heard again', heard);
  else heard();
  return `${registered.length} instances, ${isSilent ? 'and the kubelets are silent' : 'of which the kubelets hear'}`;
};

/** The control plane is cut off from its nodes: all are called not Ready, and after them their pods. */
const massNotReady: Action = (world, { cluster: index, forMs }) => {
  const cluster = world.clusters[index]!;
  if (cluster.wasTakenOver) return undefined;
  const names = cluster.nodes().map(({ metadata }) => metadata.name);
  const inService = [...catalogOf(world.consul).values()].filter(({ entry, isWell, instances }) => {
    return (
      isWell &&
      names.includes(entry.Meta?.['kube-node'] ?? '') &&
      [...instances.values()].some(({ passing }) => passing)
    );
  });
  if (inService.length < 2 || cluster.spared.size > 0) return undefined;
  for (const { instances } of inService) {
    for (const [key, { passing }] of instances) if (passing) cluster.spared.set(key, 'passing');
  }
  // What Services are reached by stands for pods on these nodes.
  for (const { instances } of catalogOf(world.consul).values()) {
    for (const [key, { passing }] of instances) {
      const wanted = cluster.history.now.instances.get(key);
      if (passing && wanted?.serves && wanted.reach !== '' && wanted.check !== undefined)
        cluster.spared.set(key, 'passing');
    }
  }
  const pods = cluster.pods();
  for (const name of names) cluster.putNode(name, 'Unknown');
  for (const pod of pods) cluster.markNotReady(pod);
  cluster.sparedSince = world.clock.now();
  world.outOfOrder(forMs, 'nodes not Ready', () => {
    for (const name of names) cluster.putNode(name);
    for (const pod of pods) cluster.restoreReady(pod);
    cluster.spared.clear();
  });
  return `${names.length} nodes for ${forMs} ms`;
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
  'kube-shrunk': shrunk,
  'kube-regressed': regressed,
  'kube-restore': restore,
  'kube-restore-away': restoreAway,
  vanish,
  'mass-vanish': massVanish,
  'mass-not-ready': massNotReady,
} satisfies Record<string, Action>;
