import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ConsulClient } from '../../src/consul/client.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { Secret } from '../../src/lib/secret.ts';
import { readText, type Transport } from '../../src/lib/transport.ts';
import { clusterUid, consulNodeName } from '../../src/model/keys.ts';
import type { NodeEntry } from '../../src/model/node-entry.ts';
import type { Change } from '../../src/plan/change.ts';
import { diff, type NodeDiff } from '../../src/plan/diff.ts';
import { catalogReader } from '../../src/registry/catalog/catalog-reader.ts';
import { Writer } from '../../src/registry/catalog/writer.ts';
import { ObservedState } from '../../src/registry/observed-state.ts';
import type { ChangeResult } from '../../src/registry/tickets.ts';
import { desired } from './entries.ts';

const signal = new AbortController().signal;

/** A Consul, in memory or real. */
export interface ConsulWorld {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Has every right; empty when ACLs are off. */
  readonly managementToken: string;
}

/** The Consul side of one operator with one node in a cluster of its own, and somebody else beside it. */
export class ConsulOperator {
  readonly owner = clusterUid(randomUUID());
  readonly node = consulNodeName(`demo-${randomUUID()}`);
  readonly writer: Writer;
  readonly observed: ObservedState;
  /** The token it has now; undefined = none. */
  token: string | undefined;
  readonly #world: ConsulWorld;
  readonly client: ConsulClient;

  constructor(world: ConsulWorld) {
    const { transport, clock, managementToken } = world;
    this.#world = world;
    this.token = managementToken || undefined;
    this.client = new ConsulClient({
      transport,
      clock,
      token: () => (this.token === undefined ? undefined : new Secret(this.token)),
    });
    this.writer = new Writer({ client: this.client, clock });
    this.observed = this.restarted();
  }

  /** What a process that starts now knows: nothing yet. */
  restarted(): ObservedState {
    return new ObservedState({ reader: catalogReader(this.client), owner: this.owner });
  }

  /** `wanted` stands for the entry under this operator's node name and stamp. */
  diff(wanted: NodeEntry | undefined, observed = this.observed): NodeDiff {
    const entry = wanted && {
      ...wanted,
      name: this.node,
      meta: { ...wanted.meta, 'kube-cluster-uid': this.owner },
    };
    const { owner, node: name } = this;
    return diff({ ...desired(entry), name }, observed.node(name), { owner, features: observed.features });
  }

  /** One turn of a reconcile loop. */
  async reconcile(wanted: NodeEntry | undefined): Promise<readonly ChangeResult[]> {
    await this.observed.load([this.node], signal);
    return this.submit(this.diff(wanted).changes);
  }

  async submit(changes: readonly Change[]): Promise<readonly ChangeResult[]> {
    return (await Promise.all(this.observed.follow(this.writer.submit(changes)).values())).flat();
  }

  /** What somebody else with full rights does: `PUT /v1/catalog/…` and the like. */
  async outsider(path: string, body: object): Promise<void> {
    const { transport, managementToken } = this.#world;
    const response = await transport.request({
      method: 'PUT',
      path,
      headers: managementToken === '' ? {} : { 'x-consul-token': managementToken },
      body: JSON.stringify(body),
      signal,
    });
    const text = await readText(response);
    assert.equal(response.status, 200, text);
  }
}
