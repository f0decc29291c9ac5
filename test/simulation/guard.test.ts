/** What is held and what is not, played by the whole operator in virtual time. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../../src/sandbox/kube/object.ts';
import { catalogOf } from './catalog.ts';
import type { OperatorProcess } from './operator-process.ts';
import { World } from './world.ts';

const nodes = ['n1', 'n2', 'n3', 'n4', 'n5'];

/** A cluster with `count` pods of the service web, spread over five nodes, and a running operator. */
class Play {
  readonly world: World;
  readonly pods: KubeObject[] = [];
  process: OperatorProcess;

  constructor(count: number, config: object = {}) {
    this.world = new World(1, { config });
    for (const node of nodes) this.cluster.putNode(node);
    for (let index = 0; index < count; index += 1) this.pods.push(this.addPod(`web-${index}`, index));
    this.process = this.world.start();
  }

  static async start(count: number, config?: object): Promise<Play> {
    const play = new Play(count, config);
    await play.pass(2_000);
    assert.equal(play.passing(), count);
    return play;
  }

  get cluster() {
    return this.world.cluster;
  }

  addPod(name: string, index: number): KubeObject {
    return this.cluster.putPod({
      name,
      node: nodes[index % nodes.length]!,
      ip: `10.2.${index >> 8}.${index & 255}`,
      annotations: { service: 'web', port: 'http' },
    });
  }

  /** Passes time; nothing may be wrong by the simulator's own invariants. */
  async pass(ms: number): Promise<void> {
    await this.world.clock.advance(ms);
    assert.deepEqual(this.world.violations, []);
  }

  async restart(meanwhile: () => void): Promise<void> {
    this.process.stop();
    await this.process.ended;
    meanwhile();
    this.process = this.world.start();
  }

  /** Pods are gone without a trace but the DELETED event. */
  lose(pods: readonly KubeObject[]): void {
    for (const { metadata } of pods)
      this.cluster.kube.store.delete('pods', metadata.namespace, metadata.name);
  }

  instances(): number {
    return [...catalogOf(this.world.consul).values()].reduce((sum, { instances }) => sum + instances.size, 0);
  }

  passing(): number {
    let count = 0;
    for (const { instances } of catalogOf(this.world.consul).values()) {
      for (const { passing } of instances.values()) if (passing) count += 1;
    }
    return count;
  }

  held(): number {
    return this.process.operator.status().held.length;
  }

  /** The reasons removals were given in the log, and how often. */
  because(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { fields } of this.process.log) {
      if (fields['reason'] !== 'Deregistered' && fields['reason'] !== 'NodeDeregistered') continue;
      const because = String(fields['because']);
      counts[because] = (counts[because] ?? 0) + 1;
    }
    return counts;
  }

  logged(reason: string): number {
    return this.process.log.filter(({ fields, level }) => fields['reason'] === reason && level === 'warn')
      .length;
  }
}

describe('unexplained removals', () => {
  test('of few pods that went while the operator was down are made after a second read', async () => {
    const play = await Play.start(60);
    await play.restart(() => play.lose(play.pods.slice(0, 5)));
    await play.pass(500);
    assert.equal(play.instances(), 60, 'nothing goes before it settled');
    await play.pass(2_500);
    assert.equal(play.instances(), 55);
    assert.deepEqual(play.because(), { confirmed: 5 });
    assert.equal(play.held(), 0);
  });

  test('of many pods that went while the operator was down are held until a person releases them', async () => {
    const play = await Play.start(60);
    await play.restart(() => play.lose(play.pods.slice(0, 30)));
    await play.pass(600_000);
    assert.equal(play.instances(), 60);
    assert.equal(play.held(), 30);
    assert.equal(play.logged('RemovalHeld'), 1, 'said once');
    const { operator } = play.process;
    assert.match(operator.status().held[0]!.why, /nothing explains/);
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
    play.lose(play.pods.slice(0, 30));
    await play.pass(60_000);
    assert.equal(play.instances(), 60);
    assert.equal(play.passing(), 60);
    assert.equal(play.held(), 30);
  });

  test('are forgotten when the pods come back', async () => {
    const play = await Play.start(60);
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
    let isShort = true;
    await play.restart(() => {
      play.cluster.faults.add(({ path }) => {
        if (!isShort || !path.startsWith('/api/v1/pods?') || !path.includes('fieldSelector'))
          return undefined;
        if (path.includes('sendInitialEvents')) return { kind: 'answer', status: 422 };
        if (path.includes('watch=')) return undefined;
        const metadata = { resourceVersion: String(play.cluster.kube.store.revision) };
        return {
          kind: 'answer',
          status: 200,
          body: { kind: 'PodList', apiVersion: 'v1', metadata, items: [] },
        };
      });
    });
    await play.pass(120_000);
    assert.equal(play.passing(), 60);
    assert.ok(play.process.operator.status().held.every(({ because }) => because === 'present'));
    isShort = false;
    play.cluster.kube.faults.compact();
    play.cluster.kube.faults.cutWatches('reset');
    play.cluster.putNode('n1');
  });
});

describe('pods that ended while the operator was down', () => {
  const fresh = (play: Play, from: number, count: number): KubeObject[] =>
    Array.from({ length: count }, (_, index) => play.addPod(`new-${from + index}`, 100 + from + index));

  test('go when others stand in their place: a rollout that was finished meanwhile', async () => {
    const play = await Play.start(60);
    await play.restart(() => {
      play.lose(play.pods);
      fresh(play, 0, 60);
    });
    await play.pass(10_000);
    assert.equal(play.passing(), 60);
    assert.equal(play.instances(), 60);
    assert.equal(play.held(), 0);
    assert.deepEqual(play.because(), { renewed: 60 });
    assert.equal(play.logged('RemovalHeld'), 0);
  });

  test('go when others stand in their place: a rollout under way, of which the operator sees the rest', async () => {
    const play = await Play.start(60);
    const [old, rest] = [play.pods.slice(0, 40), play.pods.slice(40)];
    await play.restart(() => {
      play.lose(old);
      // The last of the new ones are not ready yet.
      for (const pod of fresh(play, 0, 40).slice(25)) play.cluster.setReady(pod, false);
    });
    await play.pass(10_000);
    assert.equal(play.instances(), 60 + 40 - 40, '15 that nobody has replaced may go unexplained');
    for (const pod of rest) {
      fresh(play, 60 + rest.indexOf(pod), 1);
      play.cluster.terminate(pod);
      play.cluster.removePod(pod);
      await play.pass(200);
    }
    assert.equal(play.held(), 0);
    assert.equal(play.passing(), 45);
  });

  test('stay while too few stand in their place, and go with the last that may', async () => {
    const play = await Play.start(60);
    await play.restart(() => {
      play.lose(play.pods);
      fresh(play, 0, 41);
    });
    await play.pass(120_000);
    assert.equal(play.held(), 60, '19 that nobody has replaced are one too many');
    assert.equal(play.instances(), 101);
    fresh(play, 41, 1);
    await play.pass(5_000);
    assert.equal(play.held(), 0);
    assert.equal(play.instances(), 42);
    assert.deepEqual(play.because(), { renewed: 42, confirmed: 18 });
  });

  test('stay when only pods are there that were there before', async () => {
    const play = await Play.start(30);
    await play.pass(10_000);
    for (let index = 0; index < 30; index += 1) play.addPod(`later-${index}`, 200 + index);
    await play.pass(10_000);
    assert.equal(play.passing(), 60);
    await play.restart(() => play.lose(play.pods));
    await play.pass(120_000);
    assert.equal(play.passing(), 60);
    assert.equal(play.held(), 30);
  });

  test('stay when an older state is there instead, whose pods are called ready, until new ones really are', async () => {
    const play = await Play.start(60);
    const backup = play.cluster.kube.store.snapshot();
    await play.pass(60_000);
    const current = fresh(play, 0, 60);
    for (const pod of play.pods) {
      play.cluster.terminate(pod);
      play.cluster.removePod(pod);
    }
    await play.pass(10_000);
    assert.equal(play.instances(), 60);
    await play.restart(() => {
      play.cluster.kube.faults.restore(backup);
      play.cluster.looked();
    });
    await play.pass(600_000);
    assert.equal(play.instances(), 120);
    assert.equal(play.held(), 60);
    assert.equal(current.length, 60);
    fresh(play, 200, 60);
    await play.pass(10_000);
    assert.equal(play.held(), 0);
    assert.equal(play.instances(), 120);
    assert.deepEqual(play.because(), { renewed: 60 });
  });

  test('stay when the pods in their place were not ready for long', async () => {
    const play = await Play.start(60);
    await play.restart(() => {
      play.lose(play.pods);
      for (const pod of fresh(play, 0, 60)) play.cluster.setReady(pod, false);
    });
    await play.pass(60_000);
    assert.equal(play.held(), 60);
  });
});

describe('pods that vanish before the eyes of the operator', () => {
  test('stay, whoever takes their place, until a person releases them', async () => {
    for (const how of ['event', 'relist'] as const) {
      const play = await Play.start(60);
      if (how === 'event') play.lose(play.pods);
      else play.cluster.vanish(play.pods);
      for (let index = 0; index < 60; index += 1) play.addPod(`new-${index}`, 100 + index);
      await play.pass(600_000);
      assert.equal(play.passing(), 120, how);
      assert.equal(play.held(), 60);
    }
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

  test('jobs that completed: their pods leave the field selector', async () => {
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
