import type { ConsulClient } from '../../consul/client.ts';
import type { CheckAnswer } from '../../consul/schemas.ts';
import type { Clock } from '../../lib/clock.ts';
import { withDeadline } from '../../lib/deadline.ts';
import { formatDuration } from '../../lib/duration.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import { Outage } from '../../lib/outage.ts';
import type { Random } from '../../lib/random.ts';
import { repeat } from '../../lib/retry.ts';
import type { Logger } from '../../logging/logger.ts';
import type { ClusterUid, ConsulNodeName } from '../../model/keys.ts';
import { externalSource, originKeys } from '../../model/origin.ts';
import { clusterUidKey } from '../../model/owner.ts';
import { commit, heartbeatMeta, heartbeatNode, isHeartbeatNode } from './heartbeat-node.ts';
import type { TxnOp } from './txn-ops.ts';

export interface HeartbeatOptions {
  readonly client: ConsulClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly clusterName: string;
  readonly owner: ClusterUid;
  /** Unique to this process for ever. */
  readonly identity: string;
  /** The pod's name: a process that is started again in it takes its entry over. */
  readonly podName: string;
  readonly version: string;
  /** After so many milliseconds without a sign of life the check turns critical. At least 20,000. */
  readonly ttlMs: number;
  /** As `leader` or `standby` the entry is tagged. */
  readonly role: () => 'leader' | 'standby';
  /** Why this process ought to be taken for dead although it still runs. */
  readonly unhealthy: () => string | undefined;
}

/** The service all operators register themselves as. */
const heartbeatService = 'kube-registrar';

/** Text of a check that no session has led yet; Consul's own texts replace it. */
const untouched = 'No sign of life yet';

/** How long the last requests may delay the end of the process, in milliseconds. */
const lastRequestsMs = 2_000;

/**
 * A dead man's check: this process as an instance in Consul's catalog, with a check that Consul itself turns
 * critical when the process has not been heard of for a while.
 *
 * TTL checks live on an agent, and the next request may reach another one. A session is the datacenter's: it is
 * renewed through whichever server answers, costs no write while it is, and since Consul 1.21 a check of type
 * `session` follows it. A session lives twice its time, so half of the time asked for is given.
 *
 * - each attempt has a session name of its own: the end of an earlier session never speaks for a later one
 * - an entry that somebody else removed or that Consul forgot is registered again with the next sign of life
 * - each new process removes the entries of ended ones of its cluster; until then they stay visible
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #node: ConsulNodeName;
  readonly #checkId: string;
  #session: string | undefined;
  #attempts = 0;
  #role: string | undefined;
  readonly #outage = new Outage();

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#node = heartbeatNode(options.clusterName);
    this.#checkId = `${options.podName}:alive`;
  }

  /** Gives signs of life until the signal aborts, then resolves; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, ttlMs, unhealthy } = this.#options;
    // Three within the TTL: two may fail.
    const everyMs = ttlMs / 3;
    const step = async () => {
      if (unhealthy() === undefined) await this.#beat(signal);
      this.#outage.over();
      await clock.sleep(everyMs, signal);
    };
    const onError = (error: RegistrarError) => this.#failed(error);
    await repeat(step, { clock, random, initialMs: 1_000, maxMs: everyMs, onError }, signal);
  }

  /** After run(): removes the entry, and its node when nobody else is on it. Never rejects. */
  async leave(): Promise<void> {
    await this.#lastRequests(async (signal) => {
      await this.#end(signal);
      await this.#send([this.#removal(this.#options.podName)], signal);
      const node = await this.#read(signal);
      if (node === undefined || node.Services.length > 0) return;
      if (!isHeartbeatNode(node.Node.Meta, this.#options.owner)) return;
      const { ModifyIndex } = node.Node;
      // A replica that comes at this moment registers again with its next sign of life.
      await this.#send([{ Node: { Verb: 'delete-cas', Node: { Node: this.#node, ModifyIndex } } }], signal);
    });
  }

  /** After run(): the check turns critical at once. Never rejects. */
  async die(): Promise<void> {
    await this.#lastRequests((signal) => this.#end(signal));
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { client, role } = this.#options;
    if (this.#session === undefined || !(await client.renewSession(this.#session, signal))) {
      return this.#register(signal);
    }
    const own = (await this.#checks(signal)).find(({ CheckID }) => CheckID === this.#checkId);
    if (own?.Status !== 'passing') return this.#register(signal);
    if (role() === this.#role) return;
    // The check is the session's and stays out of it.
    const Service = this.#service();
    await this.#send([{ Service: { Verb: 'set', Node: this.#node, Service } }], signal);
    this.#role = Service.Tags[0];
  }

  async #register(signal: AbortSignal): Promise<void> {
    const { client, clusterName, identity, podName, ttlMs, logger } = this.#options;
    await this.#end(signal);
    await this.#ensureNode(signal);
    const name = `${identity}/${++this.#attempts}`;
    const service = this.#service();
    await client.register(
      {
        Node: this.#node,
        // Without it the node's meta would be written anew, and might be another's by now.
        SkipNodeUpdate: true,
        Service: service,
        Checks: [
          {
            CheckID: this.#checkId,
            Name: 'Operator is alive',
            Type: 'session',
            Status: 'critical',
            Output: untouched,
            Notes: `Critical when kube-registrar ${podName} of cluster ${clusterName} has not been heard of for ${formatDuration(ttlMs)}`,
            ServiceID: podName,
            Definition: { SessionName: name },
          },
        ],
      },
      signal,
    );
    this.#role = service.Tags[0];
    this.#session = await client.createSession(
      {
        Name: name,
        Node: this.#node,
        TTL: `${ttlMs / 2}ms`,
        LockDelay: '0s',
        Behavior: 'delete',
        // Without this, Consul would look for the serfHealth of an agent.
        NodeChecks: [],
      },
      signal,
    );
    const checks = await this.#checks(signal);
    const own = checks.find(({ CheckID }) => CheckID === this.#checkId);
    if (own?.Output === untouched) {
      throw new RegistrarError(
        'rejected',
        'Consul does not let the check follow the session; update its servers to 1.21 or later, or switch consul.heartbeat off',
        { retryAfterMs: ttlMs / 3 },
      );
    }
    await this.#clearAway(checks, signal);
    logger.info('this process is registered in Consul with a health check of its own', {
      reason: 'HeartbeatRegistered',
      node: this.#node,
      service: heartbeatService,
      instance: podName,
    });
  }

  /** Creates the node unless it is there. Rejects with `conflict` when it is somebody else's. */
  async #ensureNode(signal: AbortSignal): Promise<void> {
    const { client, owner } = this.#options;
    const meta = { 'external-node': 'true', 'external-probe': 'false', ...heartbeatMeta(owner) };
    // With index 0 it is only created: of two clusters with one name that come together, one gets it.
    const Node = { Node: this.#node, Address: '127.0.0.1', Meta: meta, ModifyIndex: 0 };
    if ((await this.#read(signal)) === undefined) {
      const create: TxnOp = { Node: { Verb: 'cas', Node } };
      const answer = await client.transaction([create], signal);
      if (answer.kind === 'committed') return;
    }
    const known = await this.#read(signal);
    if (known !== undefined && isHeartbeatNode(known.Node.Meta, owner)) return;
    throw new RegistrarError(
      known === undefined ? 'forbidden' : 'conflict',
      known === undefined
        ? `node ${this.#node} can be neither created nor seen`
        : `node ${this.#node} belongs to another owner; give this cluster another cluster.name, or remove the node`,
    );
  }

  /** Removes entries whose session has ended: their processes ended without leave(). */
  async #clearAway(checks: readonly CheckAnswer[], signal: AbortSignal): Promise<void> {
    const dead = checks.filter(
      ({ CheckID, Status, Output, ServiceName }) =>
        CheckID !== this.#checkId &&
        ServiceName === heartbeatService &&
        Status === 'critical' &&
        Output !== untouched,
    );
    if (dead.length > 0)
      await this.#send(
        dead.map(({ ServiceID }) => this.#removal(ServiceID)),
        signal,
      );
  }

  #service() {
    const { podName, role, clusterName, owner, version } = this.#options;
    const Tags = [role()] as const;
    return {
      ID: podName,
      Service: heartbeatService,
      Tags,
      Meta: {
        [externalSource.key]: externalSource.value,
        [originKeys.cluster]: clusterName,
        [clusterUidKey]: owner,
        [originKeys.pod]: podName,
        version,
      },
      Weights: { Passing: 1, Warning: 1 },
    };
  }

  #removal(id: string): TxnOp {
    return { Service: { Verb: 'delete', Node: this.#node, Service: { ID: id, Service: heartbeatService } } };
  }

  #send(operations: readonly TxnOp[], signal: AbortSignal): Promise<void> {
    return commit(this.#options.client, operations, "the heartbeat's entry could not be written", signal);
  }

  async #end(signal: AbortSignal): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) await this.#options.client.destroySession(session, signal);
  }

  async #read(signal: AbortSignal) {
    return (await this.#options.client.nodeServices(this.#node, signal)).value;
  }

  async #checks(signal: AbortSignal): Promise<readonly CheckAnswer[]> {
    return (await this.#options.client.healthNode(this.#node, signal)).value;
  }

  async #lastRequests(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#attempts === 0) return;
    const { clock, logger } = this.#options;
    try {
      await withDeadline(clock, lastRequestsMs, new AbortController().signal, work);
    } catch (thrown) {
      logger.warn('cannot remove the entry of this process from Consul; its check turns critical', {
        reason: 'HeartbeatNotRemoved',
        node: this.#node,
        error: describe(thrown),
      });
    }
  }

  #failed(error: RegistrarError): void {
    if (!this.#outage.failed(error)) return;
    this.#options.logger.warn('cannot renew the health check of this process in Consul; retrying', {
      reason: 'HeartbeatFailed',
      node: this.#node,
      code: error.code,
      error: describe(error),
      ...(error.code === 'forbidden'
        ? {
            hint: 'the token needs write on session_prefix "<cluster name>-" and on service "kube-registrar": see docs/consul-access.md',
          }
        : {}),
    });
  }
}
