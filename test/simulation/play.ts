import assert from 'node:assert/strict';
import type { KubeObject } from '../../src/sandbox/kube/object.ts';
import { catalogOf } from './catalog.ts';
import type { OperatorProcess } from './operator-process.ts';
import { World, type WorldTraits } from './world.ts';

export const nodes = ['n1', 'n2', 'n3', 'n4', 'n5'];

/** A cluster with `count` pods of the service web, spread over five nodes, and a running operator. */
export class Play {
  readonly world: World;
  readonly pods: KubeObject[] = [];
  process: OperatorProcess;
  readonly #nodes: readonly string[];

  constructor(count: number, config: object = {}, traits: Partial<WorldTraits> = {}, most = nodes.length) {
    this.world = new World(1, { ...traits, config });
    this.#nodes = most === nodes.length ? nodes : Array.from({ length: most }, (_, index) => `n${index + 1}`);
    for (const node of this.#nodes) this.cluster.putNode(node);
    for (let index = 0; index < count; index += 1) this.pods.push(this.addPod(`web-${index}`, index));
    this.process = this.world.start();
  }

  /** Resolves when all are passing. `most`: nodes; with others than five each pod is a service of its own. */
  static async start(
    count: number,
    config?: object,
    traits?: Partial<WorldTraits>,
    most?: number,
  ): Promise<Play> {
    const play = new Play(count, config, traits, most);
    await play.pass(2_000);
    assert.equal(play.passing(), count);
    return play;
  }

  get cluster() {
    return this.world.cluster;
  }

  addPod(name: string, index: number, service = this.#nodes === nodes ? 'web' : name): KubeObject {
    return this.cluster.putPod({
      name,
      node: this.#nodes[index % this.#nodes.length]!,
      ip: `10.2.${index >> 8}.${index & 255}`,
      annotations: { service, port: 'http' },
      labels: { consul: 'yes' },
    });
  }

  /** The kubelets are not heard any more: their containers run on, whatever the API server has. */
  silence(): void {
    for (const node of this.#nodes) this.cluster.silent.add(node);
  }

  /** Nobody reaches the API server, until the returned function is called. */
  refuse(): () => void {
    const { faults } = this.cluster;
    const fault = () => ({ kind: 'reset', applied: false }) as const;
    faults.add(fault);
    return () => void faults.delete(fault);
  }

  /** Passes time; nothing may be wrong by the simulator's own invariants. */
  async pass(ms: number): Promise<void> {
    await this.world.clock.advance(ms);
    assert.deepEqual(this.world.violations, []);
  }

  async restart(meanwhile: () => void, ms = 0): Promise<void> {
    this.process.stop();
    await this.process.ended;
    meanwhile();
    await this.pass(ms);
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
    return this.process.operator.status().held.filter(({ by }) => by === 'guard').length;
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
