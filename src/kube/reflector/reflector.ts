import type { KubernetesObject } from '@kubernetes/client-node';
import type { Clock } from '../../lib/clock.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import { repeat } from '../../lib/retry.ts';
import type { Transport } from '../../lib/transport.ts';
import type { Logger } from '../../logging/logger.ts';
import type { StoredRecord, StoreWriter } from '../store/store.ts';
import { audit, type Difference } from './audit.ts';
import { Auditor } from './auditor.ts';
import { History } from './history.ts';
import { currentVersion, listParts } from './list-pager.ts';
import { Projector } from './projector.ts';
import type { Phase } from './recovery.ts';
import { ReflectorBackoff } from './reflector-backoff.ts';
import { ReflectorRecord } from './reflector-record.ts';
import type { ReflectorState, ReflectorStatus, Regression } from './reflector-state.ts';
import { Relist } from './relist.ts';
import { collectionPath, type Resource, versionsOf } from './resource.ts';
import { TimeSlice } from './time-slice.ts';
import { parseWatchEvent, type WatchEvent } from './watch-event.ts';
import { openWatch } from './watch-stream.ts';
import { Watchdog } from './watchdog.ts';

/** Bookmarks come about every minute, so a watch without any sign of life for this long is dead. */
const idleMs = 90_000;
/** For all initial events of a WatchList: 100,000 pods take a tenth of it. */
const watchListMs = 60_000;
/** A watch that lasted this long was healthy even if nothing happened. */
const healthyMs = 1_000;

export interface ReflectorOptions<O extends KubernetesObject, R extends StoredRecord> {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly resource: Resource;
  /** Its scope is what is listed and watched: one namespace, or all. */
  readonly writer: StoreWriter<R>;
  /** An object's record. If it throws, the object's record stays as it was and the failure is counted. */
  readonly project: (object: O) => R;
  readonly onRegression?: (regression: Regression) => void;
  /** Called when it is known whether the resource may be read: after a complete list, and after a refusal. */
  readonly onAnswered?: () => void;
}

/** How a list or a watch ended that did not fail. */
type End = 'listed' | 'closed' | 'idle';

/**
 * Keeps a store equal to the API server: reads everything once, and then follows the watch until its signal aborts. No
 * fault makes it give up. It neither rejects nor throws: faults are in `status()` and in the log.
 */
export class Reflector<O extends KubernetesObject, R extends StoredRecord> {
  /** Resolves when a complete list was read for the first time; never rejects. */
  readonly synced: Promise<void>;
  readonly #options: ReflectorOptions<O, R>;
  /** What is listed and watched, in the version that is tried now. */
  #resource: Resource;
  readonly #logger: Logger;
  readonly #record: ReflectorRecord;
  readonly #history: History;
  readonly #projector: Projector<O, R>;
  readonly #backoff: ReflectorBackoff;
  readonly #slice: TimeSlice;
  readonly #auditor: Auditor;
  readonly #resolveSynced: () => void;
  #running: Promise<void> | undefined;
  #state: ReflectorState = { kind: 'idle' };
  /** The version to go on watching from; empty: everything must be read first. */
  #resumeAt = '';
  /**
   * Whether the last two events had the same version. The API server never writes twice in one revision of etcd, but
   * another client of etcd may remove hundreds of objects in one. A watch that is resumed at their version starts
   * behind all of them: of 300 pods removed at once, kube-apiserver 1.37 sent all to an open watch, and none to one
   * that was resumed after the hundredth. Then everything is listed instead. (After the first event of several,
   * nothing shows that there are more. The next comparison finds what that loses.)
   */
  #sharesVersion = false;
  /** Whether everything was listed just now, so that the history is known to be the current one. */
  #fresh = false;

  constructor(options: ReflectorOptions<O, R>) {
    const { resource, writer, clock, random } = options;
    this.#options = options;
    this.#resource = resource;
    this.#logger = options.logger.child({ resource: resource.name, namespace: writer.scope ?? '' });
    this.#record = new ReflectorRecord(this.#logger, resource.name);
    this.#projector = new Projector(options.project, this.#logger);
    this.#history = new History({
      logger: this.#logger,
      onRegression: (seen, listed) =>
        options.onRegression?.({
          resource: resource.name,
          namespace: writer.scope ?? '',
          seen,
          listed,
          at: clock.now(),
        }),
    });
    this.#backoff = new ReflectorBackoff(clock, random);
    this.#slice = new TimeSlice(clock);
    this.#auditor = new Auditor({
      clock,
      random,
      logger: this.#logger,
      compare: (signal) =>
        audit(listParts<O>(this.#target(signal)), {
          writer,
          record: (object) => this.#projector.record(object),
          slice: this.#slice,
          signal,
        }),
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#resolveSynced = resolve;
  }

  /**
   * Runs until the signal aborts; the promise then resolves, and nothing is requested or delivered any more.
   * Another call changes nothing and returns the same promise.
   */
  start(signal: AbortSignal): Promise<void> {
    this.#running ??= this.#run(signal);
    return this.#running;
  }

  /**
   * Something shows that the store may be behind, or of another history since `since`, monotonic ms. It is soon compared
   * with the server and corrected.
   */
  doubt(since?: number): void {
    if (since === undefined) this.#auditor.ask();
    else this.#auditor.doubt(since);
  }

  /**
   * Since when the store may be of another history, monotonic ms; see `Auditor`. Undefined: it is not doubtful.
   */
  get doubtfulSince(): number | undefined {
    return this.#auditor.doubtfulSince;
  }

  status(): ReflectorStatus {
    const { counts, lastHeardAt, lastError } = this.#record;
    return {
      ...counts,
      resource: this.#options.resource.name,
      namespace: this.#options.writer.scope ?? '',
      state: this.#state,
      synced: counts.lists > 0,
      refused: lastError?.error.code === 'forbidden' || lastError?.error.code === 'not-found',
      notInstalled: this.#options.resource.optional === true && lastError?.error.code === 'not-found',
      objects: this.#options.writer.size,
      regressions: this.#history.regressions,
      badObjects: this.#projector.badObjects,
      lastHeardAt,
      lastError,
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const phase = this.#nextPhase();
      const attempt = phase === 'list' ? this.#list(signal) : this.#watch(phase, signal);
      const end = await attempt.catch(RegistrarError.from);
      if (signal.aborted) break;
      this.#auditor.watchLost(end === 'idle' ? this.#record.lastHeardAt : undefined);
      if (this.#sharesVersion) this.#resumeAt = '';
      const waitMs = this.#waitAfter(phase, end);
      if (waitMs === 0) continue;
      const since = clock.now();
      const next = this.#resumeAt === '' ? 'list' : 'watch';
      this.#state = { kind: 'waiting', since, until: since + waitMs, next };
      await clock.sleep(waitMs, signal).catch(() => {});
    }
    this.#state = { kind: 'stopped' };
  }

  #nextPhase(): Phase {
    if (this.#resumeAt !== '') return 'watch';
    return this.#backoff.avoidsWatchList ? 'list' : 'watch-list';
  }

  /** Notes how an attempt ended. Returns how long to wait before the next one, ms. */
  #waitAfter(phase: Phase, end: End | RegistrarError): number {
    const state = this.#state;
    const healthy =
      state.kind === 'watching' &&
      (this.#options.clock.now() - state.since >= healthyMs || this.#resumeAt !== state.from);
    if (healthy) this.#backoff.reset();
    if (end instanceof RegistrarError)
      return this.#waitAfterError(state.kind === 'watching' ? 'watch' : phase, end);
    if (end === 'idle') this.#record.counts.idleAborts += 1;
    return this.#backoff.afterEnd({ atOnce: end === 'closed' && !healthy });
  }

  #waitAfterError(phase: Phase, error: RegistrarError): number {
    const { counts, lastError } = this.#record;
    const attempt = { phase, error, resumeAt: this.#resumeAt, before: lastError?.error.code };
    if (error.code === 'not-found' && this.#tryOlderVersion()) return 0;
    const { next, wait, waitMs, isUnreadable } = this.#backoff.afterFailure(attempt);
    if (isUnreadable) counts.badLines += 1;
    if (next === 'list') this.#resumeAt = '';
    if (wait === 'none') {
      // Expected of older servers: the fallback is no failure.
      this.#logger.info('the API server does not stream lists; reading pages instead', {
        reason: 'WatchListRefused',
        error: error.message,
      });
      return 0;
    }
    this.#record.failed(error, this.#options.clock.now(), waitMs, this.#options.resource.optional === true);
    if (wait === 'slow') this.#options.onAnswered?.();
    return waitMs;
  }

  /** Goes on to the next version of the resource. False: all were tried, and it begins with the newest again. */
  #tryOlderVersion(): boolean {
    const versions = versionsOf(this.#options.resource);
    const next = versions.findIndex(({ groupPath }) => groupPath === this.#resource.groupPath) + 1;
    this.#resource = versions[next] ?? versions[0];
    if (versions.length > 1) this.#resumeAt = '';
    return next < versions.length;
  }

  get #what(): string {
    return `GET ${collectionPath(this.#resource, this.#options.writer.scope)}`;
  }

  #target(signal: AbortSignal) {
    return { ...this.#options, resource: this.#resource, namespace: this.#options.writer.scope, signal };
  }

  async #list(signal: AbortSignal): Promise<End> {
    const { clock } = this.#options;
    this.#state = { kind: 'listing', method: 'list', since: clock.now() };
    const relist = this.#relist({ staged: false });
    let version = '';
    let receivedAt = 0;
    for await (const part of listParts<O>(this.#target(signal))) {
      if (version === '') {
        this.#history.accept(part.resourceVersion);
        relist.versionsRepeat = this.#history.mayRepeat;
      }
      version = part.resourceVersion;
      receivedAt = part.receivedAt;
      this.#record.heard(receivedAt);
      for (const item of part.items) {
        if (this.#slice.due) await this.#slice.rest();
        signal.throwIfAborted();
        relist.object(item, receivedAt);
      }
    }
    await this.#complete(relist, version, receivedAt, signal);
    this.#fresh = true;
    return 'listed';
  }

  /** Follows the events from `#resumeAt` on; in a WatchList, from the initial ones on. */
  async #watch(phase: 'watch-list' | 'watch', signal: AbortSignal): Promise<End> {
    const { clock } = this.#options;
    const initial = phase === 'watch-list';
    using watchdog = new Watchdog(clock, initial ? watchListMs : idleMs, signal);
    let relist = initial ? this.#relist({ staged: this.#history.seen !== '' }) : undefined;
    const since = clock.now();
    this.#state = initial ? { kind: 'listing', method: phase, since } : { kind: 'opening', since };
    try {
      const lines = await openWatch({
        ...this.#target(watchdog.signal),
        resumeAt: initial ? undefined : this.#resumeAt,
      });
      if (!initial) {
        this.#enterWatching(watchdog);
        if (this.#fresh) this.#auditor.watchResumed();
        else void this.#checkHistory(watchdog);
        this.#fresh = false;
      }
      for await (const completed of lines) {
        const receivedAt = clock.now();
        this.#record.heard(receivedAt);
        // The initial events have one deadline together, so that a server that never ends them is noticed.
        if (relist === undefined) watchdog.heard();
        for (const line of completed) {
          if (this.#slice.due) await this.#slice.rest();
          signal.throwIfAborted();
          const event = parseWatchEvent<O>(line);
          if (relist === undefined) {
            this.#follow(event, receivedAt);
          } else if (event.type === 'BOOKMARK' && event.initialEventsEnd) {
            this.#history.accept(event.resourceVersion);
            await this.#complete(relist, event.resourceVersion, receivedAt, signal);
            relist = undefined;
            watchdog.limit(idleMs);
            this.#enterWatching(watchdog);
          } else {
            relist.initialEvent(event, receivedAt);
          }
        }
      }
    } catch (thrown) {
      if (watchdog.endedBy !== undefined) throw watchdog.endedBy;
      if (!watchdog.expired) throw thrown;
      if (relist === undefined) return 'idle';
      throw new RegistrarError(
        'timeout',
        `${this.#what}: the initial events did not end in ${watchListMs / 1000} s`,
      );
    }
    if (relist === undefined) return 'closed';
    throw new RegistrarError(
      'protocol',
      `${this.#what}: the watch closed before its initial events had ended`,
    );
  }

  #enterWatching(watchdog: Watchdog): void {
    this.#state = { kind: 'watching', since: this.#options.clock.now(), from: this.#resumeAt };
    void this.#auditor.run(watchdog.signal).then((differences) => {
      if (differences.length > 0) this.#disbelieve(differences, watchdog);
    });
  }

  /** The server's objects differ from the events of the watch. */
  #disbelieve(differences: readonly Difference[], watchdog: Watchdog): void {
    const count = differences.length;
    const objects = count === 1 ? '1 object differs' : `${count} objects differ`;
    this.#logger.warn(`${objects} from what the watch has reported; listing everything again`, {
      reason: 'StoreOutdated',
      differences: count,
    });
    this.#history.disown(differences.map(({ listed }) => listed));
    watchdog.end(new RegistrarError('gone', `${this.#what}: the watch has not reported everything`));
  }

  /** Applies an event of a watch. Only after that, its version is the one to resume at. */
  #follow(event: WatchEvent<O>, receivedAt: number): void {
    if (event.type === 'ERROR') throw event.error;
    if (this.#history.isPast(event.resourceVersion)) throw this.#wentBack(event.resourceVersion);
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED': {
        const record = this.#projector.record(event.object);
        if (record !== undefined) this.#options.writer.put(record, 'event', receivedAt);
        this.#record.counts.events += 1;
        break;
      }
      case 'DELETED': {
        const { namespace = '', name = '', uid = '' } = event.object.metadata ?? {};
        this.#options.writer.delete(namespace, name, uid, receivedAt);
        this.#record.counts.events += 1;
        break;
      }
      case 'BOOKMARK':
        break;
    }
    this.#sharesVersion = event.type !== 'BOOKMARK' && event.resourceVersion === this.#resumeAt;
    this.#resumeAt = event.resourceVersion;
    this.#history.advance(event.resourceVersion);
    this.#record.recovered();
  }

  #relist({ staged }: { readonly staged: boolean }): Relist<O, R> {
    const { writer } = this.#options;
    return new Relist({ writer, projector: this.#projector, slice: this.#slice, staged });
  }

  /**
   * Checks that a resumed watch is in the history that it was lost in. After a restore from a backup, the version to
   * resume at lies in the future: the server accepts it, and sends nothing, not even bookmarks, until the new history
   * has come that far. So the server's version is read beside the watch, without a delay of the watch.
   */
  async #checkHistory(watchdog: Watchdog): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = watchdog;
    // Events may arrive before the answer, and be newer than it.
    const { seen } = this.#history;
    const check = async () => {
      const version = await currentVersion(this.#target(signal));
      if (signal.aborted) return 'done';
      if (this.#history.isPast(version, seen)) {
        this.#history.accept(version);
        watchdog.end(this.#wentBack(version));
      } else this.#auditor.watchResumed();
      return 'done';
    };
    // The watch may work all the same, and nothing else would show that the history is another.
    const onError = (error: RegistrarError) =>
      this.#logger.debug('cannot check the history', { reason: 'HistoryUnknown', error: describe(error) });
    await repeat(check, { clock, random, onError }, signal);
  }

  #wentBack(version: string): RegistrarError {
    return new RegistrarError('gone', `${this.#what}: history went back to version ${version}`);
  }

  async #complete(
    relist: Relist<O, R>,
    version: string,
    receivedAt: number,
    signal: AbortSignal,
  ): Promise<void> {
    relist.versionsRepeat ||= this.#history.mayRepeat;
    const drift = await relist.commit(receivedAt, signal);
    signal.throwIfAborted();
    this.#history.settle();
    this.#resumeAt = version;
    this.#auditor.listed();
    // Absence from one list is no proof, so another list has to confirm it.
    if (drift.removed > 0) this.#auditor.ask();
    this.#sharesVersion = false;
    this.#record.listed(drift, receivedAt);
    this.#resolveSynced();
    this.#options.onAnswered?.();
  }
}
