import type { Clock } from '../../lib/clock.ts';
import { ByteStream } from './byte-stream.ts';
import type { Collection } from './list.ts';
import { type JsonRecord, type KubeObject, withMeta } from './object.ts';
import { apiVersionOf } from './resources.ts';
import { type ApiError, expired } from './status.ts';
import type { StoreEvent } from './store.ts';

export interface WatchStart {
  readonly collection: Collection;
  /** An object in the form that the client sees. */
  readonly shown: (object: KubeObject) => unknown;
  readonly bookmarks: boolean;
  /** Events up to this revision are not shown. */
  readonly after: number;
  /** How long the watch lasts, ms. */
  readonly timeoutMs: number;
}

const bookmarkEveryMs = 60_000;
const bookmarkBeforeEndMs = 2_000;

/** One WATCH: turns changes of the store into lines of its body. Ends itself after its time-out. */
export class Watcher {
  readonly collection: Collection;
  readonly body: ByteStream;
  readonly #clock: Clock;
  readonly #shown: WatchStart['shown'];
  readonly #bookmarks: boolean;
  readonly #endsAt: number;
  readonly #onEnd: (watcher: Watcher) => void;
  #timers: Disposable[] = [];
  #after: number;
  /** Revision up to which everything was looked at: what a bookmark may promise. */
  #seen: number;
  /** Lines held back while the connection is stalled. */
  #held: (() => void)[] | undefined;

  constructor(clock: Clock, start: WatchStart, onEnd: (watcher: Watcher) => void) {
    this.collection = start.collection;
    this.#clock = clock;
    this.#shown = start.shown;
    this.#bookmarks = start.bookmarks;
    this.#after = start.after;
    this.#seen = start.after;
    this.#onEnd = onEnd;
    this.body = new ByteStream(() => {
      this.#stopTimers();
      this.#onEnd(this);
    });
    this.#endsAt = clock.now() + start.timeoutMs;
    this.#timers.push(clock.schedule(start.timeoutMs, () => this.end()));
    if (this.#bookmarks) this.#scheduleBookmark();
  }

  /** The objects that already exist, as ADDED; then, when asked for, the bookmark that ends them. */
  sendInitial(objects: readonly KubeObject[], revision: number, endBookmark: boolean): void {
    for (const object of objects) this.#send('ADDED', object);
    this.#after = Math.max(this.#after, revision);
    this.#seen = Math.max(this.#seen, revision);
    if (endBookmark) this.#sendBookmark({ 'k8s.io/initial-events-end': 'true' });
  }

  handle(event: StoreEvent): void {
    if (event.revision <= this.#after || event.storage !== this.collection.resource.storage) return;
    this.#after = event.revision;
    this.#seen = event.revision;
    const { selected } = this.collection;
    const { object, previous } = event;
    const before = previous !== undefined && selected.matches(previous);
    const now = object !== undefined && selected.matches(object);
    if (now) this.#send(before ? 'MODIFIED' : 'ADDED', object);
    // What leaves the selection or the store is shown as it last was inside, with the revision of the change.
    else if (before) this.#send('DELETED', withMeta(previous, { resourceVersion: String(event.revision) }));
  }

  /** Everything up to `revision` was looked at, though not all of it concerned this watch. */
  progress(revision: number): void {
    this.#seen = Math.max(this.#seen, revision);
  }

  /** The last event of a watch the server gives up. */
  fail(error: ApiError): void {
    this.#line('ERROR', error.body());
    this.end();
  }

  /** Ends the body: cleanly, or by a broken connection. */
  end(error?: Error): void {
    this.#stopTimers();
    this.#deliver(() => {
      this.#onEnd(this);
      this.body.end(error);
    });
  }

  /** Half a line, then the connection breaks. */
  breakMidLine(error: Error): void {
    const bytes = Buffer.from(
      `{"type":"MODIFIED","object":{"kind":"${this.collection.resource.kind}","apiVer`,
    );
    this.#deliver(() => this.body.push(bytes));
    this.end(error);
  }

  /** A full line that is not JSON. */
  sendGarbage(): void {
    this.#deliver(() => this.body.push(Buffer.from('{"type":"MODIFIED","object":}\n')));
  }

  /** From now on nothing arrives, not even the end. */
  stall(): void {
    this.#held ??= [];
  }

  /** What was held back arrives. */
  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const deliver of held) deliver();
  }

  #send(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    this.#line(type, this.#shown(object));
  }

  #sendBookmark(annotations?: JsonRecord): void {
    const { resource } = this.collection;
    this.#line('BOOKMARK', {
      kind: resource.kind,
      apiVersion: apiVersionOf(resource),
      metadata: {
        resourceVersion: String(this.#seen),
        ...(annotations === undefined ? {} : { annotations }),
      },
    });
  }

  #line(type: string, object: unknown): void {
    const bytes = Buffer.from(`${JSON.stringify({ type, object })}\n`);
    this.#deliver(() => this.body.push(bytes));
  }

  #deliver(action: () => void): void {
    if (this.#held === undefined) action();
    else this.#held.push(action);
  }

  /** About every minute, and shortly before the end, so that a client resumes close to where it was. */
  #scheduleBookmark(): void {
    const untilLast = this.#endsAt - bookmarkBeforeEndMs - this.#clock.now();
    const wait = untilLast > 0 && untilLast < bookmarkEveryMs ? untilLast : bookmarkEveryMs;
    this.#timers[1] = this.#clock.schedule(wait, () => {
      this.#sendBookmark();
      this.#scheduleBookmark();
    });
  }

  #stopTimers(): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers = [];
  }
}

export const tooOld = (asked: number, oldest: number): ApiError =>
  expired(`too old resource version: ${asked} (${oldest})`);
