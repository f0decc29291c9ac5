/** For how long a kubelet was in touch with the API server without a gap. Times are monotonic ms. */
export interface Contact {
  readonly from: number;
  readonly until: number;
  /** When that was known. */
  readonly heardAt: number;
}

/**
 * Which kubelets are in touch with the API server, from their Leases. The times in them are those of other clocks and
 * are only compared with each other: a Lease that reads otherwise than before was renewed after the earlier read was
 * sent.
 */
export class KubeletReports {
  readonly #gapMs: number;
  readonly #reports = new Map<string, Report>();

  /** `gapMs`: after so long without a renewal the contact was lost. */
  constructor(gapMs: number) {
    this.#gapMs = gapMs;
  }

  /** The Leases of these nodes were read; nodes that are not in `leases` have none. */
  read(nodes: ReadonlySet<string>, leases: ReadonlyMap<string, string>, sentAt: number, now: number): void {
    for (const node of nodes) {
      const renewTime = leases.get(node);
      const before = this.#reports.get(node);
      if (renewTime === undefined) this.#reports.delete(node);
      else if (before === undefined || before.renewTime === renewTime) {
        this.#reports.set(node, { renewTime, sentAt, contact: before?.contact });
      } else {
        const { contact } = before;
        const isGap = contact === undefined || now - contact.heardAt > this.#gapMs;
        const from = isGap ? before.sentAt : contact.from;
        this.#reports.set(node, { renewTime, sentAt, contact: { from, until: before.sentAt, heardAt: now } });
      }
    }
    // Of nodes that nobody asks for any more.
    for (const node of this.#reports.keys()) if (!nodes.has(node)) this.#reports.delete(node);
  }

  /** Undefined: it was not heard since its Lease is read. */
  contact(node: string): Contact | undefined {
    return this.#reports.get(node)?.contact;
  }
}

interface Report {
  readonly renewTime: string;
  /** When the last read was sent. */
  readonly sentAt: number;
  readonly contact: Contact | undefined;
}
