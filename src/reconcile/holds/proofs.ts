import type { ConsistentReads } from '../../kube/consistent-reads.ts';
import type { Clock } from '../../lib/clock.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import type { Logger } from '../../logging/logger.ts';
import type { KubeNodeRecord } from '../../model/kube-node.ts';
import type { PodRecord } from '../../model/pod.ts';
import type { Proof } from '../../plan/evidence.ts';
import { reusedAddresses } from '../../plan/proof.ts';
import { KubeletReports } from './kubelet-reports.ts';
import type { PendingRemoval, PendingRemovals } from './pending-removals.ts';
import type { Steadiness } from './steadiness.ts';

export interface ProofsOptions {
  readonly clock: Clock;
  readonly view: {
    readonly pods: { records(): Iterable<PodRecord> };
    readonly kubeNodesSeenSince: number | undefined;
    kubeNode(name: string): KubeNodeRecord | undefined;
  };
  /** Whether nodes and the Leases of their kubelets may be read: not in namespaced mode. */
  readonly readsNodes: boolean;
  readonly seen: { readonly regressed: boolean };
  readonly logger: Logger;
  readonly reads: Pick<ConsistentReads, 'leases' | 'kubeNodes' | 'probeLeases'>;
  readonly steadiness: Pick<Steadiness, 'since'>;
  /** How long a kubelet may take to hear that a pod is gone when it is in touch with the API server, ms. */
  readonly graceMs: number;
  /** How often find() is called, ms. */
  readonly everyMs: number;
}

/** A consistent read did not find its pod. */
type Missing = PendingRemoval & { readonly verification: NonNullable<PendingRemoval['verification']> };

/**
 * What proves that an instance has ended whose pod the API server does not have any more. It rests on what Kubernetes
 * promises: a pod runs on its node and nowhere else; an address outside the host's network belongs to one pod at a
 * time; and a kubelet in touch with the API server ends every pod that the API server does not have.
 */
export class Proofs {
  readonly #options: ProofsOptions;
  readonly #kubelets: KubeletReports;
  /** Whether the Leases could be read the last time. */
  #readsLeases: boolean;

  constructor(options: ProofsOptions) {
    this.#options = options;
    this.#kubelets = new KubeletReports(3 * options.everyMs);
    this.#readsLeases = options.readsNodes;
  }

  /** Finds out whether Leases may be read, so that a missing right is known before it is needed. */
  async probe(signal: AbortSignal): Promise<void> {
    const { readsNodes, reads } = this.#options;
    if (!readsNodes) return;
    await this.#tryLeases(signal, () => reads.probeLeases(signal)).catch(() => signal.throwIfAborted());
  }

  /**
   * Whether a proof may still come, so that it is worth to wait longer: its kubelet can be asked, and is silent, or
   * follows another history.
   */
  mayCome({ verification, kubeNode, isOfOtherHistory }: PendingRemoval): boolean {
    if (isOfOtherHistory) return true;
    if (verification?.subject.kind !== 'pod' || kubeNode === '') return false;
    if (this.#readsLeases) return true;
    const node = this.#options.view.kubeNode(kubeNode);
    return node !== undefined && node.ready !== 'True';
  }

  /** Marks what is proved. Rejects when something could not be read. */
  async find(pending: PendingRemovals, signal: AbortSignal): Promise<void> {
    const { seen } = this.#options;
    const missing = [...pending.all()].filter(isMissing);
    if (missing.length === 0 || seen.regressed) return;
    const prove = (proof: Proof, isProved: (removal: Missing) => boolean) => {
      for (const removal of missing) {
        if (removal.proof === undefined && isProved(removal)) pending.prove(removal, proof);
      }
    };
    const addresses = reusedAddresses(
      new Set(missing.map(({ address }) => address)),
      this.#options.view.pods.records(),
    );
    prove('address-reused', ({ address }) => addresses.has(address));
    if (!this.#options.readsNodes) return;
    const gone = await this.#goneNodes(missing, signal);
    prove('node-gone', ({ kubeNode }) => gone.has(kubeNode));
    const open = missing.filter(({ proof }) => proof === undefined);
    if (await this.#readLeases(open, signal))
      prove('kubelet-reported', (removal) => this.#isReportedGone(removal));
  }

  /** Their nodes that are neither in the store nor there by a consistent read. */
  async #goneNodes(missing: readonly Missing[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { view, reads } = this.#options;
    const unknown = new Set<string>();
    if (view.kubeNodesSeenSince === undefined) return unknown;
    for (const { kubeNode } of missing) {
      if (kubeNode !== '' && view.kubeNode(kubeNode) === undefined) unknown.add(kubeNode);
    }
    if (unknown.size === 0) return unknown;
    return unknown.difference(await reads.kubeNodes(unknown, signal));
  }

  /** False: they may not be read. */
  async #readLeases(missing: readonly Missing[], signal: AbortSignal): Promise<boolean> {
    const { clock, reads } = this.#options;
    const nodes = new Set(missing.map(({ kubeNode }) => kubeNode).filter((name) => name !== ''));
    const sentAt = clock.now();
    return this.#tryLeases(signal, async () => {
      this.#kubelets.read(nodes, await reads.leases(nodes, signal), sentAt, clock.now());
    });
  }

  /** False: they may not be read. */
  async #tryLeases(signal: AbortSignal, read: () => Promise<void>): Promise<boolean> {
    const { logger } = this.#options;
    const before = this.#readsLeases;
    try {
      await read();
      this.#readsLeases = true;
    } catch (thrown) {
      signal.throwIfAborted();
      if (RegistrarError.from(thrown).code !== 'forbidden') throw thrown;
      this.#readsLeases = false;
      if (before) {
        logger.warn('cannot read the Leases of kubelets, so missing instances are kept for longer', {
          reason: 'LeasesForbidden',
          error: describe(thrown),
        });
      }
    }
    return this.#readsLeases;
  }

  /**
   * Its kubelet has been in touch without a gap for long enough after it was missed, and its pod was not there even
   * after that. One renewal is not enough: a kubelet that was cut off renews its Lease at once when it is back, and
   * lists its pods when its reflector's backoff is over, up to a minute later (client-go; measured with kubelet 1.37).
   */
  #isReportedGone({ since, kubeNode, verification, isOfOtherHistory }: Missing): boolean {
    const { steadiness, graceMs, clock } = this.#options;
    const contact = this.#kubelets.contact(kubeNode);
    if (contact === undefined || isOfOtherHistory) return false;
    if (contact.until - Math.max(since, steadiness.since, contact.from) < graceMs) return false;
    if (verification.readAt >= contact.heardAt) return true;
    verification.due ??= clock.now();
    return false;
  }
}

const isMissing = (removal: PendingRemoval): removal is Missing =>
  !removal.passed &&
  removal.proof === undefined &&
  removal.verification?.subject.kind === 'pod' &&
  removal.verification.answer?.kind === 'absent';
