import type { Clock } from '../../lib/clock.ts';
import { counted } from '../../lib/counted.ts';
import type { Logger } from '../../logging/logger.ts';
import type { DesiredNode } from '../../model/desired-node.ts';
import type { EndpointSliceRecord } from '../../model/endpoint-slice.ts';
import type { OfInstance } from '../../model/entry-ref.ts';
import type { ConsulNodeName, InstanceId, ServiceName } from '../../model/keys.ts';
import { originOf } from '../../model/origin.ts';
import type { PodRecord } from '../../model/pod.ts';
import { podOf } from '../../plan/evidence.ts';
import type { Held } from '../../plan/finding.ts';
import { allPassing, isInService } from '../../plan/health.ts';
import type { ObservedInstance, ObservedNode } from '../../plan/observed.ts';
import { keepLastKnown, type Losing, servicesInPanic } from '../../plan/panic.ts';
import type { GuardOptions } from './guard-options.ts';
import type { Steadiness } from './steadiness.ts';

export interface HealthGuardOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: GuardOptions;
  readonly steadiness: Pick<Steadiness, 'since'>;
  readonly view: {
    pod(namespace: string, name: string): PodRecord | undefined;
    slicesOfService(namespace: string, service: string): Iterable<EndpointSliceRecord>;
    /** Since when the nodes are watched, monotonic ms; undefined while they are not. */
    readonly kubeNodesSeenSince: number | undefined;
  };
  /** This cluster's nodes in Consul. */
  readonly nodes: () => Iterable<ObservedNode>;
  readonly node: (name: ConsulNodeName) => ObservedNode | undefined;
  /** Asks for a node to be reviewed again. */
  readonly touch: (node: ConsulNodeName) => void;
  /** The same after `ms`. */
  readonly touchAfter: (node: ConsulNodeName, ms: number) => void;
}

export interface GuardedHealth {
  readonly desired: DesiredNode;
  readonly held: readonly Held[];
}

/** A node that is not Ready, or was not a short while ago. Times are monotonic ms. */
interface Suspect {
  since: number;
  /** When it became critical in Consul through us. */
  lostAt: number | undefined;
  order: 'release' | 'pin' | undefined;
  readyAt: number | undefined;
}

/** For how long a node that is back may still have pods that only the control plane calls not ready, ms. */
const graceMs = 60_000;
/** How often a held loss is weighed again: its service may have grown elsewhere, ms. */
const againMs = 10_000;
/** How old the picture of all services may be: it costs a pass over every instance, ms. */
const pictureMs = 250;

/**
 * Keeps a loss of health from Consul that may say more about the control plane than about the instances:
 * when more than a share of a service's passing instances would become critical because their nodes are not
 * Ready, they keep their last known status. See plan/panic.ts for the rules.
 *
 * A pod's own readiness counts as a statement about the node while its node is not Ready, and as long as it is what the
 * node controller wrote (MarkPodsNotReady, k8s.io/kubernetes/pkg/controller/util/node): Ready False without
 * a reason, beside ready containers, which no kubelet writes.
 *
 * What a Service is reached by as a whole stands for pods on many nodes. While many nodes are in question, it keeps its
 * status as long as the containers of one of its pods are ready.
 */
export class HealthGuard {
  readonly #deps: HealthGuardOptions;
  /** Names of all nodes there are. */
  readonly #nodes = new Set<ConsulNodeName>();
  readonly #suspects = new Map<ConsulNodeName, Suspect>();
  /** Pods that the node controller called not ready, on nodes that are Ready: since when. */
  readonly #marked = new Map<InstanceId, number>();
  #picture: { readonly at: number; readonly inPanic: ReadonlySet<ServiceName> } | undefined;
  #isHolding = false;

  constructor(options: HealthGuardOptions) {
    this.#deps = options;
  }

  /** The Kubernetes node behind a Consul node is Ready or not; undefined: there is none. */
  nodeChanged(name: ConsulNodeName, isReady: boolean | undefined): void {
    const { clock, touch } = this.#deps;
    const suspect = this.#suspects.get(name);
    const now = clock.now();
    if (isReady === undefined) this.#nodes.delete(name);
    else this.#nodes.add(name);
    const lost = { since: now, lostAt: undefined, order: undefined, readyAt: undefined };
    if (isReady === undefined) this.#suspects.delete(name);
    else if (!isReady && suspect?.readyAt !== undefined) Object.assign(suspect, lost);
    else if (!isReady && suspect === undefined) this.#suspects.set(name, lost);
    else if (isReady && suspect !== undefined && suspect.readyAt === undefined) suspect.readyAt = now;
    else return;
    this.#picture = undefined;
    // What one node does decides about the others.
    if (this.#isHolding) for (const other of this.#suspects.keys()) touch(other);
  }

  /**
   * The desired node, with the last known health where its loss is not to be believed yet. `unsettled`: the instances
   * that may not be in Consul as wanted. Default: all.
   */
  review(
    desired: DesiredNode,
    observed: ObservedNode | undefined,
    unsettled?: ReadonlySet<InstanceId>,
  ): GuardedHealth {
    const { name } = desired;
    const asDesired = { desired, held: [] };
    if (!this.#deps.options.health.enabled || desired.entry === undefined || observed === undefined) {
      return asDesired;
    }
    const suspect = this.#suspects.get(name);
    if (suspect === undefined || suspect.readyAt !== undefined)
      return this.#reviewReady(desired, observed, suspect, unsettled);
    if (suspect.lostAt !== undefined || !isInService(observed)) return asDesired;
    const { clock, options } = this.#deps;
    const wait = suspect.since + options.settle - clock.now();
    if (wait > 0) {
      this.#deps.touchAfter(name, wait);
      const keeping = { node: true, instance: (instance: Losing) => !this.#isEnding(instance) };
      const { desired: kept } = keepLastKnown(desired, observed, keeping);
      return { desired: kept, held: [] };
    }
    const inPanic = this.#inPanic();
    const isHeld = (instance: Losing | ObservedInstance) =>
      inPanic.has(instance.service) && !this.#isEnding(instance);
    // One that is not wanted and still there is held elsewhere, and would be lost with its node.
    const end = this.#endOf(suspect);
    const isOver = end !== undefined && clock.now() >= end;
    if (isOver || ![...desired.entry.instances.values(), ...observed.instances.values()].some(isHeld)) {
      suspect.lostAt = clock.now();
      return asDesired;
    }
    this.#deps.touchAfter(name, againMs);
    const because = suspect.order === 'pin' ? 'pinned' : 'panic';
    const until = end === undefined ? undefined : clock.wall() + end - clock.now();
    return this.#hold(desired, observed, isHeld, { because, until });
  }

  /** Whether losses are held at the moment. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** A person releases, or pins, the losses that `selected` says; returns how many nodes that were. */
  order(what: 'release' | 'pin', selected: (held: Pick<OfInstance, 'node' | 'service'>) => boolean): number {
    const { node, touch } = this.#deps;
    let count = 0;
    for (const [name, suspect] of this.#suspects) {
      const instances = [...(node(name)?.instances.values() ?? [])];
      const isHeld = suspect.readyAt === undefined && suspect.lostAt === undefined;
      if (
        !isHeld ||
        suspect.order === what ||
        !instances.some(({ service }) => selected({ node: name, service }))
      )
        continue;
      suspect.order = what;
      if (what === 'release') suspect.lostAt = this.#deps.clock.now();
      this.#picture = undefined;
      touch(name);
      count += 1;
    }
    return count;
  }

  /**
   * Pods of a Ready node that the node controller called not ready, or that a slice calls so and they do not:
   * we hear of them before the node, or it is not yet undone.
   */
  #reviewReady(
    desired: DesiredNode,
    observed: ObservedNode,
    suspect: Suspect | undefined,
    among: ReadonlySet<InstanceId> | undefined,
  ): GuardedHealth {
    const { clock, options } = this.#deps;
    const now = clock.now();
    const graceEnd = suspect?.readyAt === undefined ? 0 : suspect.readyAt + graceMs;
    if (suspect !== undefined && now >= graceEnd) this.#suspects.delete(desired.name);
    let until = 0;
    const held = new Set<InstanceId>();
    const { kubeNodesSeenSince: seenSince } = this.#deps.view;
    const isKept = (instance: Losing): boolean => {
      if (allPassing(instance.checks)) {
        this.#marked.delete(instance.id);
        return false;
      }
      // What does not pass in Consul has nothing to keep.
      const before = observed.instances.get(instance.id);
      if (before === undefined || !allPassing(before.checks.values())) return false;
      if (!this.#isQuestionable(instance)) {
        this.#marked.delete(instance.id);
        return false;
      }
      const since = this.#marked.get(instance.id) ?? now;
      // What its node is like is only known while nodes are watched, and not for the first moment.
      const seen = seenSince === undefined ? Math.min(now, since + graceMs) : seenSince;
      const end = Math.max(since, seen) + options.settle;
      if (now >= Math.max(end, graceEnd)) {
        if (originOf(instance.meta).reach === '' || !this.#areNodesInQuestion()) return false;
        held.add(instance.id);
        until = Math.max(until, now + againMs);
        return true;
      }
      this.#marked.set(instance.id, since);
      until = Math.max(until, end, graceEnd);
      return true;
    };
    const { desired: kept, instances } = keepLastKnown(desired, observed, {
      node: false,
      instance: isKept,
      among,
    });
    if (until > 0) this.#deps.touchAfter(desired.name, until - now);
    const why = { because: 'panic', until: this.#questionEnd() } as const;
    return {
      desired: kept,
      held: this.#heldOf(
        kept,
        observed,
        instances.filter((id) => held.has(id)),
        why,
      ),
    };
  }

  /** It would fail without its containers saying so. */
  #isQuestionable(instance: Losing): boolean {
    const { namespace, service, reach } = originOf(instance.meta);
    if (reach === '') return isWellByItself(podOf(instance, this.#deps.view));
    for (const { endpoints } of this.#deps.view.slicesOfService(namespace, service)) {
      for (const { podName, podUid } of endpoints) {
        const pod = podName === '' ? undefined : this.#deps.view.pod(namespace, podName);
        if (pod?.uid === podUid && isWellByItself(pod)) return true;
      }
    }
    return false;
  }

  /** Whether so many nodes are not Ready, or were not a short while ago, that the control plane may be cut off. */
  #areNodesInQuestion(): boolean {
    const { nodeRatio, minimumNodes } = this.#deps.options.health;
    const count = [...this.#inQuestion()].length;
    return count >= minimumNodes && count > nodeRatio * this.#nodes.size;
  }

  *#inQuestion(): Iterable<Suspect> {
    const now = this.#deps.clock.now();
    for (const suspect of this.#suspects.values()) {
      const { lostAt, readyAt } = suspect;
      const end = readyAt === undefined ? this.#endOf(suspect) : readyAt + graceMs;
      if (lostAt === undefined && (end === undefined || now < end)) yield suspect;
    }
  }

  /** When no node is in question any more, wall-clock ms; undefined: not by itself. */
  #questionEnd(): number | undefined {
    const { clock } = this.#deps;
    const ends = [...this.#inQuestion()].map((suspect) => this.#endOf(suspect));
    const known = ends.filter((end) => end !== undefined);
    if (known.length === 0 || known.length < ends.length) return undefined;
    return clock.wall() + Math.max(...known) - clock.now();
  }

  /** Its pod is terminating: that is a decision, not a loss. */
  #isEnding(instance: Losing | ObservedInstance): boolean {
    return podOf(instance, this.#deps.view)?.deleting === true;
  }

  /** When a loss is shown though it is too large, monotonic ms; undefined: not by itself. */
  #endOf({ since, order }: Suspect): number | undefined {
    const { options, steadiness } = this.#deps;
    if (order === 'pin' || options.release === 'manual') return undefined;
    return Math.max(since, steadiness.since) + options.maxHold;
  }

  #hold(
    desired: DesiredNode,
    observed: ObservedNode,
    isHeld: (instance: Losing) => boolean,
    why: Pick<Held, 'because' | 'until'>,
  ): GuardedHealth {
    const { desired: kept, instances } = keepLastKnown(desired, observed, { node: true, instance: isHeld });
    return { desired: kept, held: this.#heldOf(desired, observed, instances, why) };
  }

  #heldOf(
    { name, entry }: DesiredNode,
    observed: ObservedNode,
    instances: readonly InstanceId[],
    why: Pick<Held, 'because' | 'until'>,
  ): Held[] {
    return instances.flatMap((id): Held[] => {
      const service = (entry?.instances.get(id) ?? observed.instances.get(id))?.service;
      if (service === undefined) return [];
      const at = { kind: 'instance', node: name, instance: id, service } as const;
      return [{ kind: 'held', by: 'guard', what: 'health', at, ...why }];
    });
  }

  #inPanic(): ReadonlySet<ServiceName> {
    const { clock, options, nodes, node } = this.#deps;
    const now = clock.now();
    if (this.#picture !== undefined && now - this.#picture.at < pictureMs) return this.#picture.inPanic;
    const [atRisk, lost] = [new Set<ConsulNodeName>(), new Set<ConsulNodeName>()];
    for (const [name, { lostAt, readyAt }] of this.#suspects) {
      const there = readyAt === undefined ? node(name) : undefined;
      if (there === undefined) continue;
      if (lostAt === undefined && isInService(there)) atRisk.add(name);
      else if (lostAt !== undefined && now - lostAt < options.window) lost.add(name);
    }
    const losses = { atRisk, lost, share: this.#shareOfNodes(atRisk) };
    const inPanic = servicesInPanic(nodes(), losses, options.health);
    this.#picture = { at: now, inPanic };
    this.#tell(inPanic, atRisk.size);
    return inPanic;
  }

  /** Of the nodes that were Ready until the window before the first at risk was lost, those that are not now. */
  #shareOfNodes(atRisk: ReadonlySet<ConsulNodeName>): number {
    const since = (name: ConsulNodeName) => this.#suspects.get(name)?.since ?? Number.POSITIVE_INFINITY;
    const from = Math.min(...[...atRisk].map(since)) - this.#deps.options.window;
    let [before, gone] = [0, 0];
    for (const suspect of this.#suspects.values()) {
      if (suspect.readyAt !== undefined) continue;
      if (suspect.since < from) before += 1;
      else gone += 1;
    }
    return gone / Math.max(1, this.#nodes.size - before);
  }

  #tell(inPanic: ReadonlySet<ServiceName>, nodes: number): void {
    const { logger } = this.#deps;
    const isHolding = inPanic.size > 0;
    if (isHolding === this.#isHolding) return;
    this.#isHolding = isHolding;
    if (isHolding) {
      const services = [...inPanic].sort().slice(0, 20);
      const names = `${services.join(', ')}${inPanic.size > services.length ? ' and others' : ''}`;
      logger.warn(
        `too many instances of ${names} would become critical because of ${counted(nodes, 'node')}; they keep their status`,
        {
          reason: 'HealthHeld',
          nodes,
          services,
          hint: 'they follow their nodes again when these are Ready, after guard.maxHold, or after kube-registrar release --all; see docs/safety.md',
        },
      );
    } else logger.info('instances follow the health of their nodes again', { reason: 'HealthReleased' });
  }
}

/** Whether nobody but the control plane calls the pod not ready. */
const isWellByItself = (pod: PodRecord | undefined): boolean =>
  pod?.containersReady === true && !pod.deleting && (pod.ready || pod.reason === '');
