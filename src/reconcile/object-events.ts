import type { ClusterView } from '../desired/cluster-view.ts';
import { annotationKey, variablePrefix } from '../desired/dialects/dialect.ts';
import type { ObjectEvent } from '../kube/events/object-event.ts';
import type { Clock } from '../lib/clock.ts';
import { forever } from '../lib/retry.ts';
import type { Instance } from '../model/instance.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import { originOf, ownerOf } from '../model/origin.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';
import type { Change, DeleteInstance, DeleteNode } from '../plan/change.ts';
import type { EvidenceView } from '../plan/evidence.ts';
import type { Finding } from '../plan/finding.ts';
import type { ObservedInstance, ObservedNode } from '../plan/observed.ts';
import { findingText } from '../plan/render.ts';
import type { LedgerLine } from './ledger.ts';

export interface ObjectEventsOptions {
  readonly clock: Clock;
  readonly view: Pick<ClusterView, 'pod' | 'service' | 'kubeNode'> & Pick<EvidenceView, 'route'>;
  /** With its slash: `kube-registrar.io/`. */
  readonly annotationPrefix: string;
  /** Takes note and returns at once. */
  readonly record: (event: ObjectEvent) => void;
}

/** What is wrong at the moment. */
export interface OpenIssues {
  problems(): Iterable<LedgerLine<Problem>>;
  findings(): Iterable<LedgerLine<Finding>>;
}

/** What lasts is reported again after so long, in milliseconds: the API server forgets Events after an hour. */
export const repeatMs = 1_800_000;

/**
 * Reports to the owners of pods, Services, Ingresses and routes by Events on their objects, so that `kubectl describe` says
 * whether something is in Consul, and if not, why. Only objects that exist get Events.
 */
export class ObjectEvents {
  readonly #options: ObjectEventsOptions;

  constructor(options: ObjectEventsOptions) {
    this.#options = options;
  }

  problem({ object, reason, field, message, severity }: Problem): void {
    const annotation = field.replace(/\[.*/s, '');
    const what = annotation.startsWith(variablePrefix) ? 'variable' : 'annotation';
    const where =
      annotation === '' ? '' : ` (${what} ${annotationKey(this.#options.annotationPrefix, annotation)})`;
    // The other messages say themselves what becomes of the registration.
    const isRefused = severity === 'error' && reason !== 'RegistrationFailed' && reason !== 'Conflict';
    const opening = isRefused ? 'Registration refused: ' : '';
    this.#record(this.#existing(object), {
      type: 'Warning',
      reason,
      action: 'Register',
      note: `${opening}${message}${where}`,
    });
  }

  /** Of the findings, only what the guard holds is for the owners of objects: the rest reaches them as problems. */
  finding(finding: Finding, node: ObservedNode | undefined): void {
    if (finding.kind !== 'held' || finding.by !== 'guard') return;
    const { instance } = finding.at;
    const meta = instance === undefined ? undefined : node?.instances.get(instance)?.meta;
    this.#record(this.#heldFor(meta), {
      type: 'Warning',
      reason: finding.what === 'removal' ? 'RemovalHeld' : 'HealthHeld',
      action: finding.what === 'removal' ? 'Deregister' : 'UpdateHealth',
      note: findingText(finding),
    });
  }

  /**
   * `before`: the node as it was. `durationMs`: from the receipt of the Kubernetes event to the commit;
   * undefined when there was none, as at the start, when nothing is news.
   */
  committed(change: Change, before: ObservedNode | undefined, durationMs: number | undefined): void {
    if (change.kind === 'put-instance' && change.effect === 'create' && durationMs !== undefined) {
      const { service, address, port, meta } = change.instance;
      const at = `${address.includes(':') ? `[${address}]` : address}:${port}`;
      this.#record(this.#objectOf(meta), {
        type: 'Normal',
        reason: 'Registered',
        action: 'Register',
        note: `Registered in Consul as service "${service}" at ${at} on node "${change.node}" after ${Math.round(durationMs)} ms`,
      });
    }
    if (change.kind === 'delete-instance') {
      const instance = before?.instances.get(change.instance);
      if (instance !== undefined) this.#deregistered(change, instance);
    }
    if (change.kind === 'delete-node') {
      // The last instances of a node go with it.
      for (const instance of before?.instances.values() ?? []) this.#deregistered(change, instance);
    }
  }

  /** Reports again what lasts, until the signal aborts. */
  async repeat(
    issues: OpenIssues,
    observed: (node: ConsulNodeName) => ObservedNode | undefined,
    signal: AbortSignal,
  ) {
    await forever(async () => {
      await this.#options.clock.sleep(repeatMs, signal);
      for (const { item } of issues.problems()) this.problem(item);
      for (const { item } of issues.findings()) {
        if (item.kind === 'held') this.finding(item, observed(item.at.node));
      }
    }, signal);
  }

  #deregistered({ node, because }: DeleteInstance | DeleteNode, { service, meta }: ObservedInstance): void {
    const why = because === undefined ? '' : ` (${because})`;
    this.#record(this.#objectOf(meta), {
      type: 'Normal',
      reason: 'Deregistered',
      action: 'Deregister',
      note: `Service "${service}" is deregistered from Consul node "${node}"${why}`,
    });
  }

  #record(regarding: ObjectRef | undefined, event: Omit<ObjectEvent, 'regarding'>): void {
    if (regarding !== undefined) this.#options.record({ regarding, ...event });
  }

  /** The object that asks for an instance, while it exists. */
  #objectOf(meta: Instance['meta']): ObjectRef | undefined {
    return this.#existing(ownerOf(originOf(meta)));
  }

  /** A held instance has often lost its pod: the Event is then about the Service, or the Kubernetes node. */
  #heldFor(meta: Instance['meta'] = {}): ObjectRef | undefined {
    const origin = originOf(meta);
    return (
      this.#existing(ownerOf(origin)) ??
      this.#existing(ownerOf({ ...origin, pod: '' })) ??
      this.#existing({ kind: 'Node', namespace: '', name: origin.node, uid: '' })
    );
  }

  /** The object with the uid it has; undefined when it is gone, going, or another of its name. */
  #existing(object: ObjectRef | undefined): ObjectRef | undefined {
    if (object === undefined) return undefined;
    const { view } = this.#options;
    const { kind, namespace, name, uid } = object;
    switch (kind) {
      case 'Pod': {
        const pod = view.pod(namespace, name);
        const isIt = pod !== undefined && !pod.deleting && (uid === '' || uid === pod.uid);
        return isIt ? { ...object, uid: pod.uid } : undefined;
      }
      case 'Service': {
        const service = view.service(namespace, name);
        return service === undefined || service.deleting ? undefined : { ...object, uid: service.uid };
      }
      case 'Node': {
        const node = view.kubeNode(name);
        return node === undefined ? undefined : { ...object, uid: node.uid };
      }
      case 'EndpointSlice':
      case 'Namespace':
        return object;
      case 'Gateway':
        return undefined;
      default: {
        const route = view.route({ kind, namespace, name });
        return route === undefined || route.deleting ? undefined : { ...object, uid: route.uid };
      }
    }
  }
}
