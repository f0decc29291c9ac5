import { addressMutants } from './address-mutants.ts';
import { defaultMutants } from './default-mutants.ts';

export interface Edit {
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly original: string;
  readonly mutated: string;
}

/**
 * A protection taken out of the operator's code. The simulator has to notice. Where one protection stands
 * behind another, both have to go.
 */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** What the scripts are about that show it; empty: anything. */
  readonly rows: readonly string[];
  /** What is violated first; one of these. */
  readonly invariants: readonly string[];
}

/** Behind most that keeps absence from being believed stand the guard's consistent reads. */
const withoutConsistentReads: readonly Edit[] = [
  {
    file: 'src/plan/guard.ts',
    original: "if (!settled || (hasSubject && answer === undefined)) return { kind: 'wait' };",
    mutated: 'void settled; void hasSubject;',
  },
  {
    file: 'src/plan/guard.ts',
    original:
      "if (answer !== undefined && answer.kind !== 'absent' && answer.kind !== 'unchanged') {\n    return { kind: 'hold', because: answer.kind };\n  }",
    mutated: '',
  },
];

const withoutCompareAndSet: Edit = {
  file: 'src/registry/catalog/txn-ops.ts',
  original: "return [{ Node: { Verb: 'cas', Node: { ...entry, ModifyIndex: modifyIndex } } }];",
  mutated: "void modifyIndex; return [{ Node: { Verb: 'set' as 'cas', Node: entry } }];",
};

export const mutants: readonly Mutant[] = [
  {
    name: 'writes before the reflectors have synced',
    edits: [
      {
        file: 'src/operator.ts',
        original: 'await unlessAborted(this.#stores.reflectors.settled, signal);',
        mutated: '',
      },
      { file: 'src/kube/cluster-reflectors.ts', original: 'return this.#unread;', mutated: 'return [];' },
      ...withoutConsistentReads,
    ],
    rows: ['restart'],
    invariants: ['loss', 'hold', 'gain'],
  },
  {
    name: 'believes an answer without a known leader and every absence, and writes what it misses',
    edits: [
      {
        file: 'src/registry/catalog/catalog-reader.ts',
        original: 'if (!answer.knownLeader)',
        mutated: 'if (false)',
      },
      {
        file: 'src/registry/catalog/catalog-reader.ts',
        original: '  const get = instance === undefined ?',
        mutated: '  if (client) return;\n  const get = instance === undefined ?',
      },
      withoutCompareAndSet,
    ],
    rows: ['Consul leader change, 500, 429, 503, slow answers'],
    invariants: ['needless', 'foreign'],
  },
  {
    name: 'takes a broken-off list for a whole one',
    edits: [
      {
        file: 'src/kube/reflector/list-pager.ts',
        original: '    scanner.end();\n  } catch (thrown) {',
        mutated:
          '    scanner.end();\n  } catch (thrown) {\n    if (thrown instanceof RegistrarError && thrown.code === "unreachable") return;',
      },
      ...withoutConsistentReads,
    ],
    rows: ['apiserver outage'],
    invariants: ['loss', 'hold', 'gain'],
  },
  {
    name: 'goes on watching after 410 Gone',
    edits: [
      {
        file: 'src/kube/reflector/recovery.ts',
        original: "const relist = code === 'gone' ||",
        mutated: 'const relist =',
      },
    ],
    rows: ['410 Gone'],
    invariants: ['convergence', 'memory', 'gain'],
  },
  {
    name: 'takes every node for its own',
    edits: [
      {
        file: 'src/plan/ownership.ts',
        original: "if (isOwned(node.meta, owner)) return 'ours';",
        mutated: "return 'ours';",
      },
    ],
    rows: ['node-name collision with a real agent or another owner'],
    invariants: ['foreign'],
  },
  {
    name: 'takes the node of a Consul agent for its own',
    edits: [
      {
        file: 'src/plan/ownership.ts',
        original: "if (node.checks.has(agentCheckId)) return 'agent';",
        mutated: 'void agentCheckId;',
      },
    ],
    rows: ['node-name collision with a real agent or another owner'],
    invariants: ['foreign'],
  },
  {
    name: 'takes every check for its own when it deletes',
    edits: [{ file: 'src/plan/diff.ts', original: 'if (isOwnCheck(check)) {', mutated: 'if (check) {' }],
    rows: ['node-name collision with a real agent or another owner'],
    invariants: ['foreign'],
  },
  {
    name: 'writes checks that are right already',
    edits: [
      {
        file: 'src/plan/diff.ts',
        original: 'if (isSameWritten(observed, written)) return undefined;',
        mutated: '',
      },
      { file: 'src/plan/diff.ts', original: 'if (fields.length === 0) return undefined;', mutated: '' },
    ],
    rows: [],
    invariants: ['needless'],
  },
  {
    name: 'trusts its memory after a write of unknown outcome',
    edits: [
      {
        file: 'src/registry/observed-state.ts',
        original: 'const certain = applied.length === results.length && (node !== undefined || removed);',
        mutated: 'const certain = true; void removed;',
      },
    ],
    rows: ['Consul leader change, 500, 429, 503, slow answers'],
    invariants: ['needless', 'convergence', 'loss'],
  },
  {
    name: 'removes what is missing from a list without another read',
    edits: withoutConsistentReads,
    rows: ['empty or shrunken LIST (RBAC lost, selector changed)'],
    invariants: ['loss', 'hold'],
  },
  {
    name: 'has no limit for unexplained removals',
    edits: [
      {
        file: 'src/plan/guard.ts',
        original: 'return waiting > 0 && waiting + passed > removalLimit(registered, options);',
        mutated: 'return waiting + passed < 0 && removalLimit(registered, options) > 0;',
      },
    ],
    rows: ['mass unexplained absence'],
    invariants: ['hold'],
  },
  {
    name: 'takes any absent pod for ended whose kubelet could be asked',
    edits: [
      {
        file: 'src/reconcile/holds/proofs.ts',
        original: 'if (contact === undefined || isOfOtherHistory) return false;',
        mutated: 'if (contact === undefined) return !isOfOtherHistory;',
      },
    ],
    rows: ['mass unexplained absence'],
    invariants: ['hold'],
  },
  {
    name: 'takes one renewal of a Lease for a kubelet that has listed its pods',
    edits: [
      {
        file: 'src/reconcile/holds/proofs.ts',
        original:
          'if (contact.until - Math.max(since, steadiness.since, contact.from) < graceMs) return false;',
        mutated: 'void since; void steadiness; void graceMs;',
      },
    ],
    rows: ['mass unexplained absence'],
    invariants: ['hold'],
  },
  {
    name: 'lets go what no kubelet can tell of after a short while',
    edits: [
      {
        file: 'src/reconcile/holds/removal-guard.ts',
        original: 'return start + (this.#proofs.mayCome(removal) ? maxHold : Math.min(confirm, maxHold));',
        mutated: 'return start + Math.min(confirm, maxHold);',
      },
    ],
    rows: ['mass unexplained absence'],
    invariants: ['hold'],
  },
  {
    name: 'holds what is gone for ever',
    edits: [
      {
        file: 'src/reconcile/holds/proofs.ts',
        original: 'if (verification.readAt >= contact.heardAt) return true;',
        mutated: '',
      },
    ],
    rows: ['mass unexplained absence'],
    invariants: ['convergence', 'memory', 'quiet'],
  },
  {
    name: 'does not watch pods that have ended',
    edits: [
      {
        file: 'src/kube/reflector/resource.ts',
        original: '...(labelSelector ? { labelSelector } : {}),',
        mutated:
          "fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',\n    ...(labelSelector ? { labelSelector } : {}),",
      },
    ],
    rows: ['a node lost and its pods collected; Jobs deleted on completion'],
    invariants: ['prompt'],
  },
  {
    name: 'believes the loss of all nodes at once',
    edits: [
      {
        file: 'src/plan/panic.ts',
        original: 'if (losing > ratio * total) inPanic.add(service);',
        mutated: 'if (losing > total * (1 + ratio)) inPanic.add(service);',
      },
    ],
    rows: ['mass NotReady (control plane cut off from the nodes)'],
    invariants: ['hold'],
  },
  {
    name: 'never compares with what somebody else has done',
    edits: [
      {
        file: 'src/reconcile/reconciler.ts',
        original: "if (finding.kind !== 'drift') continue;",
        mutated: 'if (finding) continue;',
      },
    ],
    rows: ['somebody deregisters, edits or flips one of our entries'],
    invariants: ['prompt', 'convergence'],
  },
  {
    name: 'leaves the timer of a watch behind',
    edits: [
      {
        file: 'src/kube/reflector/watchdog.ts',
        original: '  [Symbol.dispose](): void {\n    this.#timer?.[Symbol.dispose]();',
        mutated: '  [Symbol.dispose](): void {',
      },
    ],
    rows: [],
    invariants: ['leak'],
  },
  {
    name: 'never tries a refused change again',
    edits: [
      {
        file: 'src/reconcile/holds/quarantine.ts',
        original: 'dueAt: clock.now() + waitMs });',
        mutated: 'dueAt: Number.MAX_SAFE_INTEGER });',
      },
    ],
    rows: ['one operation refused inside a transaction'],
    invariants: ['convergence'],
  },
  {
    name: 'tries each refused change in its own time only',
    edits: [
      {
        file: 'src/reconcile/holds/quarantine.ts',
        original: '    for (const [node, refused] of this.#byNode) {\n      for (const each',
        mutated:
          '    for (const [node, refused] of new Map<ConsulNodeName, Map<string, Waiting>>()) {\n      for (const each',
      },
      {
        file: 'src/reconcile/holds/quarantine.ts',
        original: "return code === 'forbidden' ?",
        mutated: "return code === 'internal' ?",
      },
    ],
    rows: ['rights in Consul missing for long, then granted'],
    invariants: ['prompt'],
  },
  {
    name: 'lets a leader write that has lost its lease',
    edits: [
      {
        file: 'src/registry/catalog/fence-epoch.ts',
        original:
          'if (this.#deposed || !this.#options.mayWrite()) throw notLeading();\n    return this.#prefix;',
        mutated: 'return noPrefix;',
      },
    ],
    rows: ['two replicas'],
    invariants: ['fence', 'needless', 'loss', 'gain'],
  },
  {
    name: 'keeps the record of a pod that was replaced under its name',
    edits: [
      {
        file: 'src/kube/store/store.ts',
        original: 'if (before !== undefined && before.uid !== after.uid) {',
        mutated: 'if (before !== undefined && before.uid !== after.uid) {\n      return "unchanged";',
      },
    ],
    rows: ['missed watch events', 'pod IP reuse, StatefulSet pod recreated under its name'],
    invariants: ['convergence', 'quiet'],
  },
  {
    name: 'takes a restored etcd for the old one',
    edits: [
      {
        file: 'src/kube/reflector/reflector.ts',
        original: 'if (this.#history.isPast(version, seen)) {',
        mutated: 'if (version === seen && version !== seen) {',
      },
    ],
    rows: ['etcd restored from a backup'],
    invariants: ['convergence', 'memory'],
  },
  {
    name: 'goes on after any outage as if no etcd could have been restored',
    edits: [
      {
        file: 'src/kube/reflector/auditor.ts',
        original: 'if (this.#lostAt !== undefined && this.#options.clock.now() - this.#lostAt > promptMs) {',
        mutated: 'if (this.#lostAt === -1) {',
      },
    ],
    rows: ['etcd restored from a backup'],
    invariants: ['convergence', 'memory', 'quiet', 'gain', 'loss'],
  },
  {
    name: 'writes a node without comparing what is there',
    edits: [withoutCompareAndSet],
    rows: ['node-name collision with a real agent or another owner'],
    invariants: ['foreign'],
  },
  {
    name: 'believes whatever Retry-After says',
    edits: [
      {
        file: 'src/lib/retry-after.ts',
        original: 'return Math.min(given * 1_000, longestRetryAfterMs);',
        mutated: 'return given * 1_000;',
      },
    ],
    rows: ['a proxy lies: Retry-After of an hour, a limit that no Consul has'],
    invariants: ['convergence'],
  },
  {
    name: 'believes whatever limit a 413 names',
    edits: [
      {
        file: 'src/registry/catalog/learnt-limits.ts',
        original: 'Math.min(known, Math.max(named, least))',
        mutated: 'Math.min(known, least < 0 ? least : named)',
      },
    ],
    rows: ['a proxy lies: Retry-After of an hour, a limit that no Consul has'],
    invariants: ['convergence'],
  },
  {
    name: 'gives an instance another id each time',
    edits: [
      {
        file: 'src/desired/identity.ts',
        original: 'return /^[0-9a-f]{8}$/.test(start) ? start :',
        mutated: 'return start ? start.slice(0, 7) + Math.floor(Math.random() * 16).toString(16) :',
      },
    ],
    rows: ['restart'],
    invariants: ['loss', 'gain', 'quiet', 'needless', 'convergence', 'memory'],
  },
  ...addressMutants,
  ...defaultMutants,
];
