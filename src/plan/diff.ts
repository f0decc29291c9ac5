import { type Check, isProbe } from '../model/check.ts';
import type { DesiredNode, StaleSource, UnreadSource } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import { type ClusterUid, type InstanceId, instanceId } from '../model/keys.ts';
import type { NodeEntry } from '../model/node-entry.ts';
import type { Change, Effect } from './change.ts';
import { wasTerminating } from './evidence.ts';
import { checkChanges, instanceChanges, nodeChanges, writtenCheck } from './fields.ts';
import type { Finding } from './finding.ts';
import { withStatusOf } from './health.ts';
import { followedCheck, staleSourceOf, unreadSourceOf } from './kept.ts';
import type { ObservedCheck, ObservedInstance, ObservedNode } from './observed.ts';
import { compareChanges, compareText } from './order.ts';
import { isMonitorCheck, isOwnCheck, isOwnInstance, nodeOwnership } from './ownership.ts';
import { catalogFeatures, type RegistryFeatures } from './registry-features.ts';
import { isSameInstance, isSameNode, isSameWritten } from './same-entries.ts';

// Truth table. "Ours" and "foreign" as ownership.ts says; "kept" = not desired, but of a stale source;
// "moving" = desired on another node, and not committed there yet.
//
//   node        desired      observed                    outcome
//               any          foreign                     nothing at all; finding foreign-owner
//               undefined    absent                      nothing
//               undefined    ours, bare                  delete-node
//               undefined    ours; kept, moving or       its own instances by the rules below; the node
//                            foreign instances on it     and its checks stay
//               no instances on it, and no kept one      as undefined
//               entry        absent                      put-node, then everything on it
//               entry        ours, equal                 nothing
//               entry        ours, different             put-node
//
//   node check  wanted       absent or different         put-node-check
//               not wanted   ours                        delete-check
//               not wanted   foreign                     finding foreign-check (it goes with the node)
//
//   instance    wanted       absent                      put-instance with all its checks
//               wanted       under its id in other case  the same: to Consul it is one id, so it is replaced
//               wanted       name or tags differ         put-instance with all its checks: Consul keeps
//                                                        a copy of both in each check
//               wanted       other fields differ         put-instance with the checks that differ
//               wanted       equal                       its checks only
//               not wanted   moving                      its checks follow; finding moving
//               not wanted   handed over                 its readiness check follows; finding handed-over
//               not wanted   kept                        its readiness check follows; finding stale
//               not wanted   ours                        delete-instance (its checks go with it)
//               not wanted   foreign                     finding foreign-instance
//
//   check of a  wanted       absent or different         put-check
//   wanted      not wanted   ours                        delete-check
//   instance    not wanted   foreign                     finding foreign-check
//
// Unless the registry `ownsNodes`, the rows of nodes and their checks do not apply.
//
// A probe's status and output belong to its prober. They never count as a difference, and are copied when the check
// is written for another reason.
//
// An equal entry is never written: an identical write costs Consul a raft entry and, for a check, wakes every
// watcher.

export interface DiffOptions {
  /** The cluster whose nodes are owned. */
  readonly owner: ClusterUid;
  /** Of the registry that is written to. Default: a current Consul's catalog. */
  readonly features?: RegistryFeatures;
  /** The instances to compare; the others are known to be as wanted. Default: all. */
  readonly unsettled?: ReadonlySet<InstanceId> | undefined;
}

export interface NodeDiff {
  /** In the order of order.ts. */
  readonly changes: readonly Change[];
  readonly findings: readonly Finding[];
  /** The instances that are not as wanted. Undefined when they were not compared. */
  readonly unsettled: ReadonlySet<InstanceId> | undefined;
}

/** The changes that turn the observed node into the desired one. Pure; equal input gives equal output. */
export function diff(
  desired: DesiredNode,
  observed: ObservedNode | undefined,
  { owner, features = catalogFeatures, unsettled }: DiffOptions,
): NodeDiff {
  if (observed !== undefined) {
    const ownership = nodeOwnership(observed, owner);
    if (ownership !== 'ours') {
      const finding = { kind: 'foreign-owner', node: desired.name, reason: ownership } as const;
      return { changes: [], findings: [finding], unsettled: undefined };
    }
  }
  const builder = new DiffBuilder(desired, observed, features);
  builder.instances(unsettled);
  if (features.ownsNodes) builder.node();
  for (const shared of desired.sharedNames ?? []) builder.findings.push({ kind: 'shared-name', ...shared });
  const { changes, findings } = builder;
  return { changes: changes.sort(compareChanges), findings, unsettled: builder.unsettled };
}

/** The state of one call of diff(). */
class DiffBuilder {
  changes: Change[] = [];
  readonly findings: Finding[] = [];
  readonly unsettled = new Set<InstanceId>();
  readonly #name: DesiredNode['name'];
  readonly #entry: NodeEntry | undefined;
  readonly #stale: readonly StaleSource[];
  readonly #moving: DesiredNode['moving'];
  readonly #handedOver: DesiredNode['handedOver'];
  readonly #unread: readonly UnreadSource[];
  readonly #observed: ObservedNode | undefined;
  readonly #features: RegistryFeatures;
  /** How many instances stay although they are not wanted. */
  #remaining = 0;
  #moves = false;

  constructor(desired: DesiredNode, observed: ObservedNode | undefined, features: RegistryFeatures) {
    this.#name = desired.name;
    this.#entry = desired.entry;
    this.#stale = desired.stale;
    this.#moving = desired.moving;
    this.#handedOver = desired.handedOver;
    this.#unread = desired.unread ?? [];
    this.#observed = observed;
    this.#features = features;
  }

  node(): void {
    if (this.#moves) this.findings.push({ kind: 'moving', node: this.#name });
    const [node, entry, observed] = [this.#name, this.#entry, this.#observed];
    const isNeeded = entry !== undefined && entry.instances.size > 0;
    if (entry === undefined || (!isNeeded && this.#remaining === 0)) {
      if (observed === undefined || this.#remaining > 0) return;
      this.changes = [{ kind: 'delete-node', node, modifyIndex: observed.modifyIndex }];
      return;
    }
    if (!(observed && isSameNode(observed, entry)) && nodeChanges(observed, entry).length > 0) {
      const { address, taggedAddresses, meta } = entry;
      const effect = observed === undefined ? 'create' : 'update';
      const modifyIndex = observed?.modifyIndex ?? 0;
      this.changes.push({ kind: 'put-node', node, effect, modifyIndex, address, taggedAddresses, meta });
    }
    for (const check of entry.checks) {
      const effect = this.#checkEffect(observed?.checks.get(check.id), check, undefined);
      if (effect !== undefined) this.changes.push({ kind: 'put-node-check', node, effect, check });
    }
    if (observed !== undefined) this.#unwantedChecks(observed.checks, entry.checks, undefined);
  }

  instances(unsettled: ReadonlySet<InstanceId> | undefined): void {
    const [wanted, there] = [this.#entry?.instances, this.#observed?.instances];
    for (const instance of sortedById(among(wanted, unsettled))) {
      const observed = there?.get(instance.id);
      if (observed === undefined) {
        this.changes.push({
          kind: 'put-instance',
          node: this.#name,
          effect: 'create',
          instance: this.#observed?.reaped?.has(instance.id) ? notYetProbed(instance) : instance,
        });
        this.unsettled.add(instance.id);
        continue;
      }
      const before = this.changes.length + this.findings.length;
      this.#wantedInstance(instance, observed);
      if (this.changes.length + this.findings.length > before) this.unsettled.add(instance.id);
    }
    const unwanted = among(there, unsettled).filter(({ id }) => wanted?.has(id) !== true);
    for (const observed of sortedById(unwanted)) {
      this.unsettled.add(observed.id);
      if (!isWantedInOtherCase(observed.id, wanted)) this.#unwantedInstance(observed);
    }
  }

  #wantedInstance(instance: Instance, observed: ObservedInstance): void {
    const node = this.#name;
    const fields = isSameInstance(observed, instance)
      ? []
      : instanceChanges(observed, instance, this.#features);
    const copied = fields.some(({ field }) => field === 'service' || field === 'tags');
    const written: { check: Check; effect: Effect }[] = [];
    for (const wanted of instance.checks) {
      const known = observed.checks.get(wanted.id);
      const check = asProbed(known, wanted);
      const effect = this.#checkEffect(known, check, instance);
      if (effect !== undefined) written.push({ check, effect });
      else if (copied) written.push({ check, effect: 'update' });
    }
    if (fields.length > 0) {
      const effect = written.some((each) => each.effect !== 'update') ? 'health' : 'update';
      const checks = written.map(({ check }) => check);
      this.changes.push({ kind: 'put-instance', node, effect, instance: { ...instance, checks } });
    } else {
      const { id, service } = instance;
      for (const { check, effect } of written) {
        this.changes.push({ kind: 'put-check', node, effect, instance: id, service, check });
      }
    }
    this.#unwantedChecks(observed.checks, instance.checks, observed);
  }

  #unwantedInstance(observed: ObservedInstance): void {
    const { id: instance, service } = observed;
    const node = this.#name;
    const moving = this.#moving?.get(instance);
    const handedOver = this.#handedOver?.get(instance);
    const source = handedOver ?? staleSourceOf(observed, this.#stale);
    const unread = unreadSourceOf(observed, this.#unread);
    if (moving !== undefined) {
      this.#remaining += 1;
      this.#moves = true;
      for (const wanted of moving.checks) {
        const known = observed.checks.get(wanted.id);
        const check = asProbed(known, wanted);
        const effect = this.#checkEffect(known, check, observed);
        if (effect !== undefined) {
          this.changes.push({ kind: 'put-check', node, effect, instance, service, check });
        }
      }
    } else if (source !== undefined) {
      this.#remaining += 1;
      const kind = handedOver === undefined ? 'stale' : 'handed-over';
      this.findings.push({ kind, node, instance, service });
      const check = followedCheck(observed, source);
      const effect = check && this.#checkEffect(observed.checks.get(check.id), check, observed);
      if (check !== undefined && effect !== undefined) {
        this.changes.push({ kind: 'put-check', node, effect, instance, service, check });
      }
    } else if (isOwnInstance(observed) && unread !== undefined && !wasTerminating(observed.checks)) {
      this.#remaining += 1;
      this.findings.push({ kind: 'unread', node, instance, service, source: unread });
    } else if (isOwnInstance(observed)) {
      this.changes.push({ kind: 'delete-instance', node, instance, service });
    } else {
      this.#remaining += 1;
      this.findings.push({ kind: 'foreign-instance', node, instance, service });
    }
  }

  #unwantedChecks(
    observed: ReadonlyMap<string, ObservedCheck>,
    wanted: readonly Check[],
    on: ObservedInstance | undefined,
  ): void {
    for (const check of sortedById([...observed.values()])) {
      if (wanted.some(({ id }) => id === check.id || id === check.id.toLowerCase())) continue;
      if (on === undefined && this.#observed !== undefined && isMonitorCheck(check, this.#observed)) continue;
      const instance = on?.id;
      if (isOwnCheck(check)) {
        const service = on?.service;
        this.changes.push({ kind: 'delete-check', node: this.#name, check: check.id, instance, service });
      } else {
        this.findings.push({ kind: 'foreign-check', node: this.#name, instance, check: check.id });
      }
    }
  }

  /** Undefined when the check needs no write. */
  #checkEffect(
    observed: ObservedCheck | undefined,
    check: Check,
    instance: Omit<Instance, 'checks'> | undefined,
  ): Effect | undefined {
    if (observed === undefined) return 'create';
    const written = writtenCheck(check, instance);
    if (isSameWritten(observed, written)) return undefined;
    const fields = checkChanges(observed, written, this.#features);
    if (fields.length === 0) return undefined;
    return fields.some(({ field }) => field === 'status') ? 'health' : 'update';
  }
}

/** Consul has one entry for ids that differ in case only. That entry is written as wanted and must not be removed. */
function isWantedInOtherCase(id: InstanceId, wanted: ReadonlyMap<InstanceId, Instance> | undefined): boolean {
  return wanted?.has(instanceId(id.toLowerCase())) === true;
}

/** All entries, or those with these keys. */
export function among<Entry>(
  entries: ReadonlyMap<InstanceId, Entry> | undefined,
  keys: ReadonlySet<InstanceId> | undefined,
): Entry[] {
  if (entries === undefined) return [];
  if (keys === undefined) return [...entries.values()];
  const found: Entry[] = [];
  for (const key of keys) {
    const entry = entries.get(key);
    if (entry !== undefined) found.push(entry);
  }
  return found;
}

/** A probe keeps the status that its prober found. */
const asProbed = (observed: ObservedCheck | undefined, check: Check): Check =>
  observed === undefined || !isProbe(check) ? check : withStatusOf(observed, check);

/** An instance that its prober removed starts critical, until it is probed again. */
function notYetProbed(instance: Instance): Instance {
  const checks = instance.checks.map(
    (check): Check => (isProbe(check) ? { ...check, status: 'critical' } : check),
  );
  return { ...instance, checks };
}

function sortedById<Entry extends { readonly id: string }>(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => compareText(a.id, b.id));
}
