/** What is held and what is not, played by the whole operator in virtual time. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { catalogOf } from './catalog.ts';
import { nodes, Play } from './play.ts';

describe('unexplained removals', () => {
  test('of few pods that went while the operator was down are made once all are counted and a read agrees', async () => {
    const play = await Play.start(60, {}, { latencyMs: 5 });
    await play.restart(() => {
      play.lose(play.pods.slice(0, 5));
      play.cluster.faults.add(({ path }) =>
        path.includes('fieldSelector=metadata.name') ? { kind: 'reset', applied: false } : undefined,
      );
    });
    await play.pass(500);
    assert.equal(play.instances(), 60, 'nothing goes before a consistent read has agreed');
    play.cluster.faults.clear();
    await play.restart(() => {});
    await play.pass(200);
    assert.equal(play.instances(), 55, 'no others can follow that were gone before the start');
    assert.deepEqual(play.because(), { confirmed: 5 });
    assert.equal(play.held(), 0);
  });

  test('of pods that went while the operator was down are counted on all nodes before the first is made', async () => {
    const play = await Play.start(40, {}, { replicas: 2 }, 40);
    play.silence();
    await play.restart(() => {
      play.lose([...play.pods.slice(0, 8), ...play.pods.slice(32)]);
      // Nodes are read in parts after a leader has taken over.
      play.world.consulFaults.add(({ path }) =>
        path.endsWith('/c0-n40') ? { kind: 'delay', ms: 300 } : undefined,
      );
    });
    await play.pass(10_000);
    assert.equal(play.instances(), 40);
    assert.equal(play.held(), 16);
  });

  test('of many pods that went while the operator was down are held until a person releases them', async () => {
    const play = await Play.start(60);
    play.silence();
    await play.restart(() => play.lose(play.pods.slice(0, 30)));
    await play.pass(600_000);
    assert.equal(play.instances(), 60);
    assert.equal(play.held(), 30);
    assert.equal(play.logged('RemovalHeld'), 1, 'said once');
    const { operator } = play.process;
    const [first] = operator.status().held;
    assert.match(first!.why, /nothing explains .*; until 2026-01-01T00:15:\d\dZ at the latest$/);
    assert.match(first!.until!, /^2026-01-01T00:15:/);
    const released = operator.release({ all: false, nodes: ['c0-n1'], services: [] });
    assert.deepEqual(released, { removals: 6, nodes: 0 });
    await play.pass(1_000);
    assert.equal(play.instances(), 54);
    operator.release({ all: true, nodes: [], services: [] });
    await play.pass(1_000);
    assert.equal(play.instances(), 30);
    assert.equal(play.held(), 0);
    assert.deepEqual(play.because(), { released: 30 });
  });

  test('by DELETED events of pods that were never seen ending are held when they are many', async () => {
    const play = await Play.start(60);
    play.silence();
    play.lose(play.pods.slice(0, 30));
    await play.pass(60_000);
    assert.equal(play.instances(), 60);
    assert.equal(play.passing(), 60);
    assert.equal(play.held(), 30);
  });

  test('are forgotten when the pods come back', async () => {
    const play = await Play.start(60);
    play.silence();
    const { kube } = play.cluster;
    const backup = kube.store.snapshot();
    kube.faults.cutWatches('reset');
    for (const { metadata } of play.pods.slice(0, 30)) {
      kube.store.vanish('pods', metadata.namespace, metadata.name);
    }
    play.cluster.looked();
    play.addPod('other', 60);
    kube.store.compact();
    await play.pass(60_000);
    assert.equal(play.held(), 30);
    for (const [, pod] of backup.tables.get('pods')!) kube.store.apply(pod as never);
    await play.pass(5_000);
    assert.equal(play.held(), 0);
    assert.equal(play.passing(), 61);
    assert.deepEqual(play.because(), {});
  });

  test('a few at a time add up within the window, and go on when it has passed', async () => {
    const play = await Play.start(30);
    play.lose(play.pods.slice(0, 8));
    await play.pass(5_000);
    assert.equal(play.instances(), 22);
    play.lose(play.pods.slice(8, 12));
    await play.pass(5_000);
    assert.equal(play.instances(), 22, '8 and 4 are more than 10');
    await play.pass(300_000);
    assert.equal(play.instances(), 18);
  });

  test('are made at once with guard.removals: false', async () => {
    const play = await Play.start(60, { guard: { removals: false } });
    play.lose(play.pods.slice(0, 30));
    await play.pass(500);
    assert.equal(play.instances(), 30);
  });

  test('are held while the pods may not be listed any more', async () => {
    const play = await Play.start(60);
    play.silence();
    await play.restart(() => {
      play.lose(play.pods.slice(0, 25));
      play.cluster.faults.add(({ path, body = '' }) =>
        path.includes('selfsubjectaccessreviews')
          ? { kind: 'answer', status: 201, body: { ...JSON.parse(body), status: { allowed: false } } }
          : undefined,
      );
    });
    await play.pass(60_000);
    assert.equal(play.instances(), 60);
    assert.deepEqual(
      new Set(play.process.operator.status().held.map(({ because }) => because)),
      new Set(['forbidden']),
    );
    play.cluster.faults.clear();
    await play.pass(120_000);
    assert.deepEqual(
      new Set(play.process.operator.status().held.map(({ because }) => because)),
      new Set(['limit']),
    );
  });

  test('a list that came short is not believed: the pods are there by a second read', async () => {
    const play = await Play.start(60);
    let lists = 0;
    await play.restart(() => {
      play.cluster.faults.add(({ path }) => {
        if (!path.startsWith('/api/v1/pods?')) return undefined;
        if (path.includes('sendInitialEvents')) return { kind: 'answer', status: 422 };
        if (!path.includes('limit=500') || lists > 0) return undefined;
        lists += 1;
        const metadata = { resourceVersion: String(play.cluster.kube.store.revision) };
        return {
          kind: 'answer',
          status: 200,
          body: { kind: 'PodList', apiVersion: 'v1', metadata, items: [] },
        };
      });
    });
    await play.pass(1_500);
    assert.equal(play.passing(), 60);
    const because = play.process.operator.status().held.map((each) => each.because);
    assert.deepEqual(because, Array(60).fill('present'));
    await play.pass(120_000);
    assert.equal(play.passing(), 60);
    assert.equal(play.held(), 0, 'it has listed again');
  });
});

const minute = 60_000;

describe('what is held', () => {
  /** Of 60 pods 30 are gone behind the API's back. */
  async function held(config: object = {}): Promise<Play> {
    const play = await Play.start(60, config);
    play.lose(play.pods.slice(0, 30));
    await play.pass(5_000);
    assert.equal(play.held(), 30);
    return play;
  }

  test('goes when its kubelets have been in touch with the API server for a while since it was missed', async () => {
    const play = await held();
    await play.pass(70_000);
    assert.equal(play.held(), 30, 'they may not have heard of it yet');
    await play.pass(30_000);
    assert.equal(play.held(), 0);
    assert.equal(play.passing(), 30);
    assert.deepEqual(play.because(), { 'kubelet-reported': 30 });
  });

  test('goes as far as its kubelets are in touch; the others have until guard.maxHold', async () => {
    const play = await Play.start(60);
    play.cluster.silent.add('n1').add('n2').add('n3').add('n4');
    play.lose(play.pods);
    await play.pass(105_000);
    assert.equal(play.instances(), 48);
    assert.deepEqual(play.because(), { 'kubelet-reported': 1 });
    await play.pass(13 * minute);
    assert.equal(play.held(), 48);
    await play.pass(2 * minute);
    assert.equal(play.instances(), 0);
    assert.equal(play.held(), 0);
  });

  test('waits anew for what it has waited for when the API server was away meanwhile', async () => {
    const play = await Play.start(60);
    play.silence();
    play.lose(play.pods.slice(0, 30));
    await play.pass(10 * minute);
    const before = play.process.operator.status().held[0]!.until!;
    const heal = play.refuse();
    play.cluster.kube.faults.cutWatches('reset');
    await play.pass(10 * minute);
    assert.equal(play.instances(), 60);
    heal();
    await play.pass(14 * minute);
    assert.equal(play.held(), 30);
    assert.ok(play.process.operator.status().held[0]!.until! > before);
    await play.pass(3 * minute);
    assert.equal(play.instances(), 30);
  });

  test('stays while nobody can write to the API server, though it answers', async () => {
    const play = await Play.start(60);
    play.cluster.stop();
    play.lose(play.pods.slice(0, 30));
    await play.pass(60 * minute);
    assert.equal(play.passing(), 60);
    play.cluster.live();
    await play.pass(2 * minute);
    assert.equal(play.instances(), 30);
  });

  test('stays with guard.release: manual until a person releases it, unless it is proved to have ended', async () => {
    const play = await Play.start(60, { guard: { release: 'manual' } });
    play.silence();
    play.lose(play.pods.slice(0, 30));
    await play.pass(60 * minute);
    assert.equal(play.held(), 30);
    assert.equal(play.process.operator.status().held[0]!.until, null);
    play.cluster.silent.delete('n1');
    await play.pass(minute);
    assert.equal(play.held(), 30, 'one that is back may not have listed its pods yet');
    await play.pass(minute);
    assert.equal(play.held(), 24);
    play.process.operator.release({ all: true, nodes: [], services: [] });
    await play.pass(1_000);
    assert.equal(play.instances(), 30);
  });

  test('stays when a person pins it, until a person releases it', async () => {
    const play = await held();
    const { operator } = play.process;
    assert.deepEqual(operator.release({ all: false, nodes: ['c0-n1'], services: [], pin: true }), {
      removals: 6,
      nodes: 0,
    });
    await play.pass(60 * minute);
    assert.equal(play.instances(), 36);
    assert.ok(operator.status().held.every(({ because, until }) => because === 'pinned' && until === null));
    operator.release({ all: true, nodes: [], services: [] });
    await play.pass(1_000);
    assert.equal(play.instances(), 30);
  });

  test('goes in portions where the Leases of kubelets may not be read', async () => {
    const play = await Play.start(60);
    play.cluster.faults.add(({ path }) =>
      path.includes('/leases?') ? { kind: 'answer', status: 403 } : undefined,
    );
    play.lose(play.pods);
    await play.pass(115_000);
    assert.equal(play.passing(), 60);
    await play.pass(15_000);
    assert.equal(play.instances(), 42, 'as many as may go within a window');
    await play.pass(30_000);
    assert.equal(play.instances(), 24);
    await play.pass(60_000);
    assert.equal(play.instances(), 0);
    assert.equal(play.held(), 0);
  });

  test('is not believed sooner than guard.maxHold when the history went backwards: kubelets may follow the other', async () => {
    const play = await Play.start(20);
    const backup = play.cluster.kube.store.snapshot();
    await play.pass(10_000);
    for (let index = 0; index < 30; index += 1) play.addPod(`late-${index}`, 100 + index);
    await play.pass(10_000);
    play.cluster.kube.faults.restore(backup);
    play.cluster.looked();
    await play.pass(14 * minute);
    assert.equal(play.passing(), 50);
    assert.equal(play.held(), 30);
    await play.pass(2 * minute);
    assert.equal(play.instances(), 20);
  });

  test('stays when an older state is there instead, whose kubelets are silent', async () => {
    const play = await Play.start(60);
    const backup = play.cluster.kube.store.snapshot();
    await play.pass(60_000);
    for (let index = 0; index < 60; index += 1) play.addPod(`new-${index}`, 100 + index);
    for (const pod of play.pods) {
      play.cluster.terminate(pod);
      play.cluster.removePod(pod);
    }
    await play.pass(10_000);
    assert.equal(play.instances(), 60);
    play.silence();
    await play.restart(() => {
      play.cluster.kube.faults.restore(backup);
      play.cluster.looked();
    });
    await play.pass(10 * minute);
    assert.equal(play.instances(), 120);
    assert.equal(play.held(), 60);
  });

  test('is noticed in a relist as in events', async () => {
    const play = await Play.start(60);
    play.silence();
    play.cluster.vanish(play.pods);
    for (let index = 0; index < 60; index += 1) play.addPod(`new-${index}`, 100 + index);
    await play.pass(10 * minute);
    assert.equal(play.passing(), 120);
    assert.equal(play.held(), 60);
  });

  for (const when of ['from the start', 'later on']) {
    test(`does not last for the sake of another namespace that may not be read ${when}`, async () => {
      const config = { kubernetes: { namespaces: ['default', 'gone'] } };
      const play = new Play(60, config);
      const refuse = () => {
        play.cluster.faults.add(({ path }) =>
          path.includes('/namespaces/gone/') ? { kind: 'answer', status: 403 } : undefined,
        );
        play.cluster.kube.faults.cutWatches('reset');
      };
      if (when === 'from the start') refuse();
      await play.pass(20_000);
      assert.equal(play.passing(), 60);
      if (when === 'later on') refuse();
      await play.pass(minute);
      play.lose(play.pods.slice(0, 30));
      await play.pass(3 * minute);
      assert.equal(play.instances(), 30);
      for (const pod of play.pods.slice(30)) play.cluster.annotate(pod, {});
      await play.pass(1_000);
      assert.equal(play.instances(), 0);
      assert.equal(play.held(), 0);
    });
  }

  test('of a node that is gone goes at once', async () => {
    const play = await Play.start(60);
    play.cluster.kube.store.delete('nodes', undefined, 'n1');
    play.lose(play.pods);
    await play.pass(5_000);
    assert.equal(play.instances(), 48);
    assert.deepEqual(play.because(), { 'node-gone': 1 });
  });
});

describe('explained removals are never held', () => {
  test('a scale-down, however large', async () => {
    const play = await Play.start(60);
    for (const pod of play.pods.slice(5)) play.cluster.terminate(pod);
    await play.pass(50);
    for (const pod of play.pods.slice(5)) play.cluster.removePod(pod);
    await play.pass(50);
    assert.equal(play.instances(), 5);
    assert.deepEqual(play.because(), { terminating: 55 });
  });

  test('a scale-down of which only the marks were seen, and then a restart of the watch', async () => {
    const play = await Play.start(60);
    for (const pod of play.pods.slice(5)) play.cluster.terminate(pod);
    await play.pass(50);
    play.cluster.kube.faults.cutWatches('reset');
    for (const pod of play.pods.slice(5)) play.cluster.removePod(pod);
    play.cluster.kube.faults.compact();
    await play.pass(10_000);
    assert.equal(play.instances(), 5);
    assert.equal(play.held(), 0);
  });

  test('a scale-down during which the operator restarts: Consul says which pods were ending', async () => {
    const play = await Play.start(60);
    for (const pod of play.pods.slice(5)) play.cluster.terminate(pod);
    await play.pass(50);
    await play.restart(() => {
      for (const pod of play.pods.slice(5)) play.cluster.removePod(pod);
    });
    await play.pass(500);
    assert.equal(play.instances(), 5);
    assert.deepEqual(play.because(), { terminating: 55 });
  });

  test('withdrawn annotations', async () => {
    const play = await Play.start(60);
    for (const pod of play.pods) play.cluster.annotate(pod, {});
    await play.pass(50);
    assert.equal(play.instances(), 0);
    assert.deepEqual(play.because(), { withdrawn: 5 });
  });

  test('jobs that completed', async () => {
    const play = await Play.start(60);
    for (const pod of play.pods) play.cluster.setPhase(pod, 'Succeeded');
    await play.pass(5_000);
    assert.equal(play.instances(), 0);
    assert.equal(play.held(), 0);
  });

  test('one that completed goes at once', async () => {
    const play = await Play.start(60);
    play.cluster.setPhase(play.pods[0]!, 'Succeeded');
    await play.pass(50);
    assert.equal(play.instances(), 59);
  });

  test('a Service that was deleted, with pods that stay', async () => {
    const play = new Play(0);
    play.cluster.putService('api', { service: 'true', port: 'http' });
    for (let index = 0; index < 40; index += 1) {
      const ip = `10.3.0.${index}`;
      play.cluster.putPod({ name: `api-${index}`, node: nodes[index % 5]!, ip, annotations: {}, app: 'api' });
    }
    play.cluster.syncSlices();
    await play.pass(2_000);
    assert.equal(play.passing(), 40);
    play.cluster.removeService('api');
    await play.pass(50);
    assert.equal(play.instances(), 0);
    assert.deepEqual(play.because(), { 'service-deleted': 5 });
  });
});

describe('an etcd restored from a backup', () => {
  test('removes few after confirmation, adopts what is there, and holds many', async () => {
    for (const [added, stays] of [
      [5, 20],
      [30, 50],
    ] as const) {
      const play = await Play.start(20);
      const backup = play.cluster.kube.store.snapshot();
      await play.pass(10_000);
      for (let index = 0; index < added; index += 1) play.addPod(`late-${index}`, 100 + index);
      await play.pass(10_000);
      assert.equal(play.passing(), 20 + added);
      const ids = new Set(
        [...catalogOf(play.world.consul).values()].flatMap((node) => [...node.instances.keys()]),
      );
      play.cluster.kube.faults.restore(backup);
      play.cluster.looked();
      await play.pass(60_000);
      assert.equal(play.instances(), stays);
      for (const node of catalogOf(play.world.consul).values()) {
        for (const id of node.instances.keys()) assert.ok(ids.has(id), `${id} was there before`);
      }
    }
  });
});

describe('loss of health because of nodes', () => {
  test('of one node is shown', async () => {
    const play = await Play.start(20);
    play.cluster.putNode('n1', 'Unknown');
    await play.pass(2_000);
    assert.equal(play.passing(), 16);
    play.cluster.putNode('n1', 'True');
    await play.pass(50);
    assert.equal(play.passing(), 20);
  });

  test('of most nodes keeps the last known status until they are back', async () => {
    const play = await Play.start(20);
    for (const node of ['n1', 'n2', 'n3', 'n4']) play.cluster.putNode(node, 'Unknown');
    await play.pass(600_000);
    assert.equal(play.passing(), 20);
    assert.equal(play.held(), 16);
    assert.equal(play.logged('HealthHeld'), 1, 'said once');
    for (const node of ['n1', 'n2', 'n3', 'n4']) play.cluster.putNode(node, 'True');
    await play.pass(20_000);
    assert.equal(play.held(), 0);
    assert.equal(play.passing(), 20);
  });

  test('counts pods that the node controller calls not ready as lost with their nodes', async () => {
    const play = await Play.start(20);
    for (const node of nodes) play.cluster.putNode(node, 'Unknown');
    for (const pod of play.pods) {
      play.cluster.changePod(pod, (current) => {
        const status = current['status'] as { readonly conditions: readonly { readonly type: string }[] };
        const conditions = status.conditions.map((each) =>
          each.type === 'Ready' ? { ...each, status: 'False' } : each,
        );
        return { ...current, status: { ...status, conditions } };
      });
    }
    await play.pass(60_000);
    assert.equal(play.passing(), 20);
    for (const node of nodes) play.cluster.putNode(node, 'True');
    await play.pass(10_000);
    assert.equal(play.passing(), 20, 'the kubelets have not spoken yet');
    for (const pod of play.pods) play.cluster.setReady(pod, true);
    await play.pass(120_000);
    assert.equal(play.passing(), 20);
  });

  test('lets a pod that ends go all the same', async () => {
    const play = await Play.start(20);
    for (const node of ['n1', 'n2', 'n3', 'n4']) play.cluster.putNode(node, 'Unknown');
    await play.pass(10_000);
    play.cluster.terminate(play.pods[0]!);
    await play.pass(50);
    assert.equal(play.passing(), 19);
  });

  test('is shown when it has lasted for guard.maxHold', async () => {
    const play = await Play.start(20);
    for (const node of ['n1', 'n2', 'n3', 'n4']) play.cluster.putNode(node, 'Unknown');
    await play.pass(14 * minute);
    assert.equal(play.passing(), 20);
    const { held } = play.process.operator.status();
    assert.match(held[0]!.why, /keeps its last status: .*; until 2026-01-01T00:15:\d\dZ at the latest$/);
    await play.pass(2 * minute);
    assert.equal(play.passing(), 4);
    assert.equal(play.held(), 0);
  });

  test('is shown when a person releases it', async () => {
    const play = await Play.start(20);
    for (const node of ['n1', 'n2', 'n3', 'n4']) play.cluster.putNode(node, 'Unknown');
    await play.pass(10_000);
    const released = play.process.operator.release({ all: false, nodes: [], services: ['web'] });
    assert.deepEqual(released, { removals: 0, nodes: 4 });
    await play.pass(50);
    assert.equal(play.passing(), 4);
    assert.equal(play.held(), 0);
  });

  test('is released when the service has grown elsewhere', async () => {
    const play = await Play.start(20);
    for (const node of ['n1', 'n2', 'n3', 'n4']) play.cluster.putNode(node, 'Unknown');
    await play.pass(10_000);
    assert.equal(play.passing(), 20);
    for (let index = 0; index < 16; index += 1) play.addPod(`more-${index}`, 4 + 5 * (20 + index));
    await play.pass(30_000);
    assert.equal(play.passing(), 20, '20 on n5, none elsewhere');
  });
});
