import type { ConsulServer } from '../../src/sandbox/consul/consul-server.ts';
import {
  type Catalog,
  type CatalogInstance,
  type CatalogNode,
  catalogOf,
  isAgents,
  isForeign,
  stampOf,
} from './catalog.ts';
import type { Spared } from './cluster.ts';
import type { LeftOut } from './left-out.ts';
import { isWellBehind, mustBeFound, mustPass } from './stays.ts';
import { keptFor, type Truth } from './truth.ts';
import type { TruthHistory } from './truth-history.ts';

/** Who writes, and what it can know at the moment of sending. */
export interface Author {
  readonly name: string;
  readonly clusterUid: string;
  readonly history: TruthHistory;
  /** Whether the cluster has it lead now, or it has no replicas. */
  readonly isLeading: boolean;
  /** See Cluster. */
  readonly spared: ReadonlyMap<string, Spared>;
  readonly sparedSince: number;
  /** See Cluster. */
  readonly wentBackAt: number | undefined;
  /** Until when it stood still the last time: its watches go on in another history as if nothing had happened. */
  readonly stalledUntil: number;
  /** It has to read Namespaces to know what is asked for, and has not read them yet. */
  readonly isWithoutNamespaces: boolean;
  /** It knew routes up to another moment than Gateways. */
  readonly isMixed: boolean;
  /** By a mistake in its configuration. */
  readonly leftOut: LeftOut | undefined;
}

export interface SafetyOptions {
  readonly consul: ConsulServer;
  readonly now: () => number;
  /** How long it may take now until somebody else's change of the catalog is noticed, ms. */
  readonly noticeMs: () => number;
  readonly onWrite: (author: string, what: string) => void;
  readonly onViolation: (invariant: string, what: string) => void;
}

/** How long the operator may go on from a state it weighed, ms. */
const settledMs = 15_000;
/** How old the picture of all services may be that it weighs a loss of health by, ms. */
const pictureMs = 1_000;
/** How old the reading of a node may be on which it is removed, with the removal's own way to Consul, ms. */
const leavingMs = 3_000;
/** So many removals are never held for their number, nor so large a share of what was registered. */
const fewRemovals = 10;
const fewShare = 0.3;
/** Fewer nodes than this share of all say nothing of the control plane. */
const nodesShare = 0.3;
/** Within which all kinds of objects are compared with the API server after its history may have gone backwards, ms. */
const comparedMs = 100_000;
/** How long after somebody else changed the catalog an operator may still write what is already there, ms. */
const othersMs = 150_000;

/**
 * Watches every write of an operator as it takes effect, and holds it against the truth:
 *
 * - `loss`     an instance that consumers found healthy is not any more, though it was wanted healthy from
 *              the moment the author could know of until now
 * - `gap`      no instance of a service that a Service asks for is found any more, though it was reached by something
 *              for all that time: it is reached otherwise now
 * - `hold`     an instance was taken out for reasons that are not to be believed: see Cluster.spared
 * - `gain`     an instance, or a node, is shown healthy that was unwanted or unwell for all that time
 * - `unasked`  an instance was registered anew though nothing can be known of its Namespace
 * - `foreign`  something was touched that is not the author's
 * - `needless` a write that changed nothing
 * - `fence`    a write by a replica that does not lead any more, after one by its successor
 *
 * What the author can know: everything up to the end of its last complete list and, while its watches are
 * open, up to now; less what the server, the network or a stall of its own keeps back, and less the time a
 * write waited behind others in flight. See Knowledge.
 */
export class Safety {
  readonly #options: SafetyOptions;
  /** Nodes that carried a cluster's stamp once: an outsider may have wiped it. */
  readonly #stamped = new Map<string, { readonly uid: string; readonly createIndex: number }>();
  #catalog: Catalog;
  /** The catalogs of the last moments, until when each was the present one. */
  #recent: { readonly until: number; readonly catalog: Catalog }[] = [];
  /** Index of Consul's log that `#catalog` is of. */
  #index: number;
  #othersAt = Number.NEGATIVE_INFINITY;
  /** Instances that Consul held at once, of all clusters. */
  #mostInstances = 0;
  /** When somebody else changed a row last. */
  readonly #editedAt = new Map<string, number>();
  #written = 0;
  /** When somebody else made a node his. */
  /** The process that wrote last, by cluster. */
  readonly #lastAuthor = new Map<string, string>();
  readonly #takenOverAt = new Map<string, number>();

  constructor(options: SafetyOptions) {
    this.#options = options;
    this.#catalog = catalogOf(options.consul);
    this.#index = options.consul.raftIndex;
  }

  /** Operations on the catalog that operators have written. */
  get written(): number {
    return this.#written;
  }

  /** Hands a request to Consul, which carries it out before this returns. `known`: see Author. */
  watch<T>(author: Author, known: number, body: string, handOver: () => T): T {
    this.othersWrote();
    const { consul } = this.#options;
    const before = consul.stats;
    const result = handOver();
    const { stats } = consul;
    const committed = stats.operations > before.operations && stats.refused === before.refused;
    if (committed) this.#review(author, known, body);
    return result;
  }

  /** What an operator is shown changes: for a while it may take what is there for missing. */
  disturb(): void {
    this.#othersAt = this.#options.now();
  }

  /** Takes in what anybody but an operator has changed. */
  othersWrote(): void {
    if (this.#index !== this.#options.consul.raftIndex) this.rebase();
  }

  /** The same, to be called when Consul's log has started again: its index then tells nothing. */
  rebase(): void {
    const catalog = catalogOf(this.#options.consul);
    const changed = changedRows(this.#catalog, catalog);
    if (changed.size > 0) this.#othersAt = this.#options.now();
    for (const row of changed) this.#editedAt.set(row, this.#options.now());
    for (const name of catalog.keys()) {
      const [old, now] = [this.#catalog.get(name), catalog.get(name)!];
      const same =
        old?.entry.CreateIndex === now.entry.CreateIndex && stampOf(now.entry) === stampOf(old.entry);
      if (!same || isAgents(old) !== isAgents(now)) this.#takenOverAt.set(name, this.#options.now());
    }
    this.#take(catalog);
  }

  #take(catalog: Catalog): void {
    const now = this.#options.now();
    this.#recent = this.#recent.filter(({ until }) => now - until <= pictureMs);
    this.#recent.push({ until: now, catalog: this.#catalog });
    this.#catalog = catalog;
    this.#index = this.#options.consul.raftIndex;
    for (const [name, { entry }] of catalog) {
      const uid = stampOf(entry);
      if (uid !== undefined) this.#stamped.set(name, { uid, createIndex: entry.CreateIndex });
    }
  }

  #review(author: Author, known: number, body: string): void {
    const before = this.#catalog;
    const after = catalogOf(this.#options.consul);
    const changed = changedRows(before, after);
    const rows = [...writtenRows(body)];
    this.#written += rows.length;
    if (rows.length > 0) this.#options.onWrite(author.name, [...changed].join(', ') || 'nothing changed');
    this.#checkHealth(author, known, before, after);
    if (author.isWithoutNamespaces) this.#checkUnasked(author, before, after);
    if (changed.size > 0) this.#checkFence(author);
    for (const row of changed) {
      const [, name = '', id = ''] = /^\w+ ([^/]+)\/?(.*)$/.exec(row) ?? [];
      const node = before.get(name);
      if (node !== undefined) this.#checkNode(author, node);
      // Consul knows no way to remove a node only as long as nobody has put anything on it: it is read before.
      const isAlong = !rows.includes(row) && (wentAlong(row, name, before, after) || this.#isNews(row));
      const isExcused = isAlong && (!row.startsWith('service') || this.#sinceEdited(row) <= leavingMs);
      if (isForeign(id) && !isExcused) {
        this.#violated('foreign', author, row);
      }
    }
    if (this.#options.now() - this.#othersAt > othersMs) {
      for (const row of rows) {
        if (!changed.has(row)) this.#violated('needless', author, row);
      }
    }
    this.#take(after);
  }

  #checkHealth(
    { history, spared, sparedSince, wentBackAt = Number.NEGATIVE_INFINITY, leftOut, ...author }: Author,
    known: number,
    before: Catalog,
    after: Catalog,
  ): void {
    const [was, is] = [passing(before), passing(after)];
    // As many as always may go: an outsider has taken the others.
    const now = this.#options.now();
    const pictures = this.#recent.filter(({ until }) => now - until <= pictureMs);
    const instances = [...before.values()].reduce((sum, node) => sum + node.instances.size, 0);
    this.#mostInstances = Math.max(this.#mostInstances, instances);
    const few = Math.max(fewRemovals, fewShare * this.#mostInstances);
    const left = (catalog: Catalog) => [...spared.keys()].filter((key) => isRegistered(key, catalog)).length;
    const isFew = left(before) <= few;
    // Who does not see everything at once takes the few that he sees for all. More of them than few never go.
    const areFewGone = spared.size - left(after) <= few;
    const isPartial = now - this.#othersAt <= othersMs;
    const isLeftOut = [...before.values()].flatMap(({ entry, instances }) =>
      stampOf(entry) === author.clusterUid
        ? [...instances.values()].filter((each) => leftOut?.has(each))
        : [],
    );
    const areAll = isLeftOut.length <= few;
    const going = isLeftOut.filter((each) => areAll || leftOut?.isWithdrawn(each));
    const excused = new Set(going.map(({ key }) => key));
    for (const [key, stays] of spared) {
      if (excused.has(key)) continue;
      const mayGo = isFew || (areFewGone && (isPartial || stays === 'mostly registered'));
      const isLost =
        stays === 'passing' ? was.has(key) && !is.has(key) : !mayGo && isGone(key, before, after);
      const lost = was.get(key);
      const isOver =
        stays === 'passing' &&
        lost !== undefined &&
        history.heldAtSomeTime(Math.max(known - settledMs, sparedSince + 0.001), (truth) =>
          [before, ...pictures.map(({ catalog }) => catalog)].some((each) => isReason(truth, lost, each)),
        );
      if (isLost && !isOver) this.#violated('hold', author, `${key} is not ${stays} any more`);
    }
    for (const [key, instance] of was) {
      const { entry } = instance;
      if (is.has(key) || excused.has(key)) continue;
      const told = `${key} (${entry.ID}), wanted healthy since before ${known} ms`;
      if (history.held(known, (truth) => mustPass(truth, instance))) this.#violated('loss', author, told);
      else if (!hasSibling(instance, is) && history.held(known, (truth) => mustBeFound(truth, instance)))
        this.#violated('gap', author, told);
    }
    for (const [key, { node, entry, isWell }] of is) {
      if (was.has(key)) continue;
      const old = before.get(node)?.instances.get(key);
      if (this.#isNews(`service ${node}/${entry.ID}`)) continue;
      // A route of one moment and a Gateway of another: each kind of object is read, and compared, in its own time.
      const mayBeOld = now - wentBackAt <= comparedMs;
      if (
        key.startsWith('route ') ? author.isMixed || mayBeOld : mayBeOld && author.stalledUntil >= wentBackAt
      )
        continue;
      const told = `${key} (${entry.ID}), unwell since before ${known} ms`;
      if (
        isWell &&
        !old?.isWell &&
        !history.wasBackendWell(key, known) &&
        !history.heldAtSomeTime(known, (truth) => isWellBehind(truth, key, entry)) &&
        !isKept(history, entry.Meta, known)
      ) {
        this.#violated('gain', author, told);
      }
      if (!before.get(node)?.isWell && !history.wasNodeWell(node, known)) {
        this.#violated('gain', author, `node of ${told}`);
      }
    }
  }

  #checkUnasked(author: Author, before: Catalog, after: Catalog): void {
    for (const [name, { instances }] of after) {
      for (const [key, { entry }] of instances) {
        if (isRegistered(key, before) || this.#isNews(`service ${name}/${entry.ID}`)) continue;
        this.#violated('unasked', author, `${key} (${entry.ID}) came before any Namespace was read`);
      }
    }
  }

  #checkFence({ name, clusterUid, isLeading }: Author): void {
    const last = this.#lastAuthor.get(clusterUid) ?? name;
    if (last !== name && !isLeading) this.#violated('fence', { name }, `wrote after ${last} had taken over`);
    this.#lastAuthor.set(clusterUid, name);
  }

  #checkNode(author: { readonly name: string; readonly clusterUid: string }, before: CatalogNode): void {
    const { Node: name, CreateIndex } = before.entry;
    const stamp = this.#stamped.get(name);
    const ours = stamp?.uid === author.clusterUid && stamp.createIndex === CreateIndex;
    if (ours && !isAgents(before)) return;
    // Nothing tells the operator at once that a node is not its own any more.
    const since = this.#options.now() - (this.#takenOverAt.get(name) ?? Number.NEGATIVE_INFINITY);
    if (since > this.#options.noticeMs()) this.#violated('foreign', author, `node ${name} is not its own`);
  }

  /** Whether somebody else changed the row so shortly ago that the operator need not know. */
  #isNews(row: string): boolean {
    return this.#sinceEdited(row) <= this.#options.noticeMs();
  }

  #sinceEdited(row: string): number {
    return this.#options.now() - (this.#editedAt.get(row) ?? Number.NEGATIVE_INFINITY);
  }

  #violated(invariant: string, { name }: { readonly name: string }, what: string): void {
    this.#options.onViolation(invariant, `${name}: ${what}`);
  }
}

/**
 * Why an instance may fail although its node's word is not to be believed: what its containers say of
 * themselves, its own end, or that fewer than two nodes or no more than half of its service are in question.
 */
function isReason(truth: Truth, { key, entry: lost }: CatalogInstance, before: Catalog): boolean {
  const { instances, notReady, nodeCount } = truth;
  const wanted = instances.get(key);
  const source = wanted ?? keptFor(truth, lost);
  if (!source?.serves) return true;
  const isOfNoNode = wanted !== undefined && wanted.reach !== '' && wanted.reach !== 'node-port';
  if (isOfNoNode) return notReady.size < 2 || notReady.size <= nodesShare * nodeCount;
  if (!notReady.has(source.consulNode)) return true;
  const inQuestion = new Set<string>();
  const ofService = { losing: 0, total: 0 };
  for (const [name, node] of before) {
    const isInQuestion = notReady.has(name);
    for (const { entry, passing } of node.instances.values()) {
      if (!passing) continue;
      if (isInQuestion) inQuestion.add(name);
      if (entry.Service !== lost.Service) continue;
      ofService.total += 1;
      if (isInQuestion) ofService.losing += 1;
    }
  }
  return inQuestion.size < 2 || ofService.losing <= ofService.total / 2;
}

const isGone = (key: string, before: Catalog, after: Catalog): boolean =>
  isRegistered(key, before) && !isRegistered(key, after);

function isRegistered(key: string, catalog: Catalog): boolean {
  for (const node of catalog.values()) if (node.instances.has(key) && !isAgents(node)) return true;
  return false;
}

function passing(catalog: Catalog): Map<string, CatalogInstance> {
  const found = new Map<string, CatalogInstance>();
  for (const { instances } of catalog.values()) {
    for (const [key, instance] of instances) if (instance.passing) found.set(key, instance);
  }
  return found;
}

/** Whether another instance of its service passes that the same Service asks for. */
function hasSibling({ entry }: CatalogInstance, passing: ReadonlyMap<string, CatalogInstance>): boolean {
  for (const { entry: other } of passing.values())
    if (other.Service === entry.Service && other.Meta?.['kube-service'] === entry.Meta?.['kube-service'])
      return true;
  return false;
}

/** Its source's annotations are wrong now: what was registered of it stays, and follows its health. */
function isKept(
  history: TruthHistory,
  meta: Readonly<Record<string, string>> | null,
  since: number,
): boolean {
  const source = `${meta?.['kube-pod-uid'] ?? ''}/${meta?.['kube-service'] ?? ''}/`;
  return history.heldAtSomeTime(since, ({ kept }) => {
    for (const key of kept.keys()) if (key.startsWith(source)) return true;
    return false;
  });
}

/** A check goes with the node or the service it is on, whosever it is. */
function wentAlong(row: string, name: string, before: Catalog, after: Catalog): boolean {
  const check = before.get(name)?.allChecks.find(({ CheckID }) => row.endsWith(`/${CheckID}`));
  if (check === undefined || !row.startsWith('check ')) return false;
  if (check.ServiceID === '') return !after.has(name);
  return !isForeign(check.ServiceID) && !after.get(name)?.services.some(({ ID }) => ID === check.ServiceID);
}

/** Rows of one moment that are not those of the other, as `node web`, `service web/id`, `check web/id`. */
function changedRows(before: Catalog, after: Catalog): Set<string> {
  const [old, now] = [rowsOf(before), rowsOf(after)];
  const changed = new Set<string>();
  for (const [name, row] of now) if (old.get(name) !== row) changed.add(name);
  for (const name of old.keys()) if (!now.has(name)) changed.add(name);
  return changed;
}

function rowsOf(catalog: Catalog): Map<string, unknown> {
  const rows = new Map<string, unknown>();
  for (const [name, node] of catalog) {
    rows.set(`node ${name}`, node.entry);
    for (const service of node.services) rows.set(`service ${name}/${service.ID}`, service);
    for (const check of node.allChecks) rows.set(`check ${name}/${check.CheckID}`, check);
  }
  return rows;
}

interface RawOperation {
  readonly Node?: { readonly Verb: string; readonly Node: { readonly Node: string } };
  readonly Service?: {
    readonly Verb: string;
    readonly Node: string;
    readonly Service: { readonly ID: string };
  };
  readonly Check?: {
    readonly Verb: string;
    readonly Check: { readonly Node: string; readonly CheckID: string };
  };
}

/** The rows a transaction sets or deletes. */
function* writtenRows(body: string): Iterable<string> {
  for (const { Node, Service, Check } of JSON.parse(body) as readonly RawOperation[]) {
    if (Node !== undefined && Node.Verb !== 'get') yield `node ${Node.Node.Node}`;
    if (Service !== undefined) yield `service ${Service.Node}/${Service.Service.ID}`;
    if (Check !== undefined) yield `check ${Check.Check.Node}/${Check.Check.CheckID}`;
  }
}
