import type { Clock } from '../../lib/clock.ts';
import { withDeadline } from '../../lib/deadline.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import { LruMap } from '../../lib/lru-map.ts';
import type { Random } from '../../lib/random.ts';
import { forever, retry } from '../../lib/retry.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import type { Transport } from '../../lib/transport.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { Logger } from '../../logging/logger.ts';
import { KubeClient } from '../client.ts';
import { EventCorrelator, eventLimits } from './event-correlator.ts';
import { eventNamespace, kubeEvent, type ObjectEvent, seriesOf } from './object-event.ts';

/**
 * Why an Event was dropped.
 *
 * - `limited`   too many about one object
 * - `overflow`  too many at all: the queue is full
 * - `forbidden` the right to write Events in the namespace is missing
 * - `failed`    the API server did not take it
 */
export type DropReason = 'limited' | 'overflow' | 'forbidden' | 'failed';

export interface EventRecorderOptions {
  readonly kube: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Name of this process' pod. */
  readonly reportingInstance: string;
  readonly onDropped: (why: DropReason) => void;
}

/** An Event object that this process has written or is about to write. */
interface KnownEvent {
  readonly event: ObjectEvent;
  name: string;
  firstAt: number;
  lastAt: number;
  count: number;
  /** Whether the API server has it. */
  exists: boolean;
}

/** Events that wait to be written. */
const mostWaiting = 4_096;
/** Events of all objects together: this many at once, and then one each so many milliseconds, to spare the API server. */
const globalBurst = 100;
const globalRefillMs = 100;
const requestTimeoutMs = 10_000;
const mostAttempts = 5;
/** How long nothing is tried in a namespace after a 403, in milliseconds. */
const forbiddenMs = 60_000;

/**
 * Writes Events (events.k8s.io/v1) about the users' objects, with the limits of client-go. `record()` only queues;
 * `run()` writes one after the other. What exceeds the limits is dropped and counted: Events are a help, and nothing
 * waits for them.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #client: KubeClient;
  readonly #correlator: EventCorrelator;
  readonly #pace: TokenBucket;
  readonly #known = new LruMap<string, KnownEvent>(eventLimits.remembered);
  readonly #waiting = new Set<KnownEvent>();
  /** By namespace: the time until which nothing is tried, monotonic ms. */
  readonly #forbidden = new Map<string, number>();
  #isFailing = false;
  /** Number of Event objects so far. It makes the names of two from one millisecond different. */
  #number = 0;
  readonly #wakeup: Wakeup;

  constructor(options: EventRecorderOptions) {
    const { clock, kube } = options;
    this.#options = options;
    this.#client = new KubeClient(kube, clock);
    this.#correlator = new EventCorrelator(clock);
    this.#wakeup = new Wakeup(clock);
    this.#pace = new TokenBucket({ clock, burst: globalBurst, refillMs: globalRefillMs });
  }

  record(event: ObjectEvent): void {
    const { clock, onDropped } = this.#options;
    const correlated = this.#correlator.correlate(event);
    if (correlated === undefined) {
      onDropped('limited');
      return;
    }
    let known = this.#known.get(correlated.key);
    const isWaiting = known !== undefined && this.#waiting.has(known);
    if (!isWaiting && this.#waiting.size >= mostWaiting) {
      onDropped('overflow');
      return;
    }
    if (known === undefined) {
      known = { event: correlated.event, name: '', firstAt: 0, lastAt: 0, count: 0, exists: false };
      this.#known.set(correlated.key, known);
    }
    if (known.count === 0) this.#begin(known);
    known.count += 1;
    known.lastAt = clock.wall();
    this.#waiting.add(known);
    this.#wakeup.notify();
  }

  /** Writes until the signal aborts, and drops what still waits then. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    await forever(async () => {
      await this.#wakeup.wait(undefined, signal);
      for (const known of this.#waiting) {
        const waitMs = this.#pace.take();
        if (waitMs > 0) await clock.sleep(waitMs, signal);
        this.#waiting.delete(known);
        await this.#write(known, signal);
      }
    }, signal);
  }

  /** A new Event object, for the first time or because the last one has expired. */
  #begin(known: KnownEvent): void {
    const { clock } = this.#options;
    this.#number += 1;
    const unique = `${clock.wall().toString(16)}${this.#number.toString(16).padStart(4, '0')}`;
    // Room for the suffix within the 253 characters of a name.
    known.name = `${known.event.regarding.name.slice(0, 225)}.${unique}`;
    known.firstAt = clock.wall();
    known.exists = false;
  }

  async #write(known: KnownEvent, signal: AbortSignal): Promise<void> {
    const { clock, random, onDropped } = this.#options;
    const namespace = eventNamespace(known.event.regarding);
    if ((this.#forbidden.get(namespace) ?? 0) > clock.now()) {
      if (!known.exists) known.count = 0;
      onDropped('forbidden');
      return;
    }
    let attempts = 0;
    const attempt = () =>
      withDeadline(clock, requestTimeoutMs, signal, (inTime) => this.#send(known, inTime));
    const onError = (error: RegistrarError) => {
      attempts += 1;
      if (!isPassing(error) || attempts === mostAttempts) throw error;
    };
    try {
      await retry(attempt, { clock, random, onError }, signal);
      this.#succeeded(namespace);
    } catch (thrown) {
      signal.throwIfAborted();
      // The next Event of this kind is a new object.
      if (!known.exists) known.count = 0;
      this.#failed(namespace, RegistrarError.from(thrown));
    }
  }

  async #send(known: KnownEvent, signal: AbortSignal): Promise<void> {
    const { reportingInstance } = this.#options;
    const path = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(eventNamespace(known.event.regarding))}/events`;
    if (known.exists) {
      try {
        const patch = { series: seriesOf(known) };
        await this.#client.patch(`${path}/${encodeURIComponent(known.name)}`, patch, {
          signal,
          type: 'merge',
        });
        return;
      } catch (thrown) {
        // The API server forgets Events, after an hour by default.
        if (RegistrarError.from(thrown).code !== 'not-found') throw thrown;
        known.count = 1;
        this.#begin(known);
      }
    }
    try {
      await this.#client.create(path, kubeEvent(known.event, { ...known, reportingInstance }), { signal });
    } catch (thrown) {
      // An earlier attempt has succeeded, and its answer was lost.
      if (RegistrarError.from(thrown).code !== 'conflict') throw thrown;
    }
    known.exists = true;
  }

  #succeeded(namespace: string): void {
    const { logger } = this.#options;
    if (this.#forbidden.delete(namespace)) {
      logger.info(`Events can be written again in namespace ${namespace}`, {
        reason: 'EventsAllowed',
        namespace,
      });
    }
    if (!this.#isFailing) return;
    this.#isFailing = false;
    logger.info('Events are written again', { reason: 'EventsWritten' });
  }

  #failed(namespace: string, error: RegistrarError): void {
    const { clock, logger, onDropped } = this.#options;
    // The namespace is gone or terminating, so nobody would read it. The server says the latter only in its message.
    const isGone = error.code === 'not-found' || error.message.includes('because it is being terminated');
    if (isGone) {
      onDropped('failed');
      return;
    }
    if (error.code === 'forbidden') {
      onDropped('forbidden');
      const isKnown = this.#forbidden.has(namespace);
      this.#forbidden.set(namespace, clock.now() + forbiddenMs);
      if (isKnown) return;
      logger.warn(
        `cannot write Events in namespace ${namespace}, so the owners of pods and Services are not informed`,
        {
          reason: 'EventsForbidden',
          namespace,
          error: describe(error),
          hint: 'the ServiceAccount needs the verbs create and patch on events of the group events.k8s.io',
        },
      );
      return;
    }
    onDropped('failed');
    if (this.#isFailing) return;
    this.#isFailing = true;
    logger.warn('cannot write Events at the moment; some are lost', {
      reason: 'EventsFailing',
      namespace,
      code: error.code,
      error: describe(error),
    });
  }
}

/** Whether another attempt may help. */
const isPassing = ({ code }: RegistrarError): boolean =>
  code === 'timeout' || code === 'unreachable' || code === 'unavailable' || code === 'throttled';
