/** Ordinary days after which nothing may be left in Consul that has ended, and nobody has to release it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../../src/sandbox/kube/object.ts';
import { nodes, Play } from './play.ts';

const minute = 60_000;
/** From the end of what happened until nothing of it is left, ms. */
const limitMs = 5 * minute;

/** What `play` has left behind of pods that are not there any more, after the time it has for it. */
async function nothingIsLeft(play: Play, wanted: number): Promise<void> {
  await play.pass(limitMs);
  if (process.env['MEASURE']) {
    console.log('STALE', play.instances() - wanted, 'passing', play.passing());
    return;
  }
  assert.equal(play.instances(), wanted, 'what has ended is left');
  assert.equal(play.passing(), wanted);
  assert.equal(play.held(), 0);
}

const added = (play: Play, name: string, count: number): KubeObject[] =>
  Array.from({ length: count }, (_, index) => play.addPod(`${name}-${index}`, 1_000 + index));

/** The node is gone with its machine; the pod garbage collector fails its pods and deletes them by force. */
function loseNode(play: Play, node: string): void {
  play.cluster.kube.store.delete('nodes', undefined, node);
}

function collect(play: Play, pods: readonly KubeObject[]): void {
  for (const pod of pods) {
    play.cluster.setPhase(pod, 'Failed');
    play.cluster.removePod(pod);
  }
}

describe('nothing that has ended is left after', () => {
  for (const first of ['node', 'pods'] as const) {
    test(`a cloud node of 15 pods among 45 was lost and its pods collected, ${first} first`, async () => {
      const play = await Play.start(45, {}, { latencyMs: 5 });
      const onNode = play.pods.filter((pod) => ['n1', 'n2'].includes(nodeOf(pod))).slice(0, 15);
      if (first === 'pods') collect(play, onNode);
      loseNode(play, 'n1');
      if (first === 'node') collect(play, onNode);
      await nothingIsLeft(play, 30);
    });
  }

  test('100 pods of Jobs completed and were deleted at once', async () => {
    const play = await Play.start(100);
    for (const pod of play.pods) {
      play.cluster.setPhase(pod, 'Succeeded');
      play.cluster.removePod(pod);
    }
    await nothingIsLeft(play, 0);
  });

  test('40 pods of Jobs completed and were deleted at once, beside 60 others, with a server that is slow', async () => {
    const play = await Play.start(100, {}, { latencyMs: 200 });
    for (const pod of play.pods.slice(60)) {
      play.cluster.setPhase(pod, 'Succeeded');
      play.cluster.removePod(pod);
    }
    await nothingIsLeft(play, 60);
  });

  test('an hour without the operator in which 500 pods were rolled and then scaled to 60 %', async () => {
    const play = await Play.start(500);
    await play.restart(() => {
      play.lose(play.pods);
      added(play, 'new', 300);
    }, 60 * minute);
    await nothingIsLeft(play, 300);
  });

  test('an hour without the operator in which a namespace with 200 of 500 pods was deleted', async () => {
    const play = await Play.start(500);
    await play.restart(() => play.lose(play.pods.slice(0, 200)), 60 * minute);
    await nothingIsLeft(play, 300);
  });

  test('a switch from 20 blue pods to 20 green ones that nobody saw', async () => {
    const play = await Play.start(20);
    added(play, 'green', 20);
    await play.pass(2_000);
    await play.restart(() => play.lose(play.pods));
    await nothingIsLeft(play, 20);
  });

  test('a Service of 20 endpoints was renamed while nobody looked', async () => {
    const play = new Play(0);
    play.cluster.putService('api', { service: 'true', port: 'http' });
    for (let index = 0; index < 20; index += 1) {
      const ip = `10.3.0.${index}`;
      play.cluster.putPod({ name: `api-${index}`, node: nodes[index % 5]!, ip, annotations: {}, app: 'api' });
    }
    play.cluster.syncSlices();
    await play.pass(2_000);
    assert.equal(play.passing(), 20);
    await play.restart(() => {
      play.cluster.removeService('api');
      play.cluster.putService('search', { service: 'true', port: 'http' }, { app: 'api' });
    });
    await nothingIsLeft(play, 20);
  });

  test('15 canaries were removed beside 30 that stay while nobody looked', async () => {
    const play = await Play.start(45);
    await play.restart(() => play.lose(play.pods.slice(0, 15)));
    await nothingIsLeft(play, 30);
  });

  for (const restarts of [false, true]) {
    const then = restarts ? ', and a restart of the operator' : '';
    test(`six minutes without the API server in which everything was rolled${then}`, async () => {
      const play = await Play.start(60);
      const { faults } = play.cluster.kube;
      faults.cutWatches('reset');
      const heal = play.refuse();
      await play.pass(minute);
      play.lose(play.pods);
      added(play, 'new', 60);
      await play.pass(5 * minute);
      heal();
      faults.compact();
      play.cluster.looked();
      if (restarts) await play.restart(() => {});
      await nothingIsLeft(play, 60);
    });
  }

  test('an EndpointSlice with 15 external addresses was deleted before the eyes of the operator', async () => {
    const play = new Play(0);
    play.cluster.putService('remote', { service: 'true', port: 'http' });
    const slice = play.cluster.putSlice(
      'remote',
      Array.from({ length: 15 }, (_, index) => `192.0.2.${index + 1}`),
    );
    await play.pass(2_000);
    assert.equal(play.passing(), 15);
    play.cluster.kube.store.delete('endpointslices.discovery.k8s.io', 'default', slice.metadata.name);
    await nothingIsLeft(play, 0);
  });

  test('25 pods lost the label they were selected by', async () => {
    const play = await Play.start(40, { kubernetes: { podLabelSelector: 'consul=yes' } });
    play.cluster.isSelected = ({ metadata }) => metadata.labels?.['consul'] === 'yes';
    for (const pod of play.pods.slice(0, 25)) play.cluster.label(pod, {});
    await nothingIsLeft(play, 15);
  });

  test('20 pods went while nobody looked, and their addresses belong to others now', async () => {
    const play = await Play.start(20);
    for (const node of nodes) play.cluster.silent.add(node);
    await play.restart(() => {
      play.lose(play.pods);
      play.pods.forEach((_, index) => void play.addPod(`payments-${index}`, index, 'payments'));
    });
    await nothingIsLeft(play, 20);
  });
});

describe('loss of health', () => {
  test('of two dead nodes of twenty is shown, also where a service has no other instance', async () => {
    const play = await Play.start(20, {}, {}, 20);
    for (const node of ['n3', 'n7']) play.cluster.putNode(node, 'Unknown');
    await play.pass(10_000);
    if (process.env['MEASURE']) return console.log('STALE', play.passing() - 18);
    assert.equal(play.passing(), 18);
  });
});

const nodeOf = (pod: KubeObject): string => (pod['spec'] as { readonly nodeName: string }).nodeName;
