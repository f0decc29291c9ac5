import type { Clock } from '../../lib/clock.ts';
import { withDeadline } from '../../lib/deadline.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import { LruMap } from '../../lib/lru-map.ts';
import type { Random } from '../../lib/random.ts';
import { retry } from '../../lib/retry.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import type { Transport } from '../../lib/transport.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { Logger } from '../../logging/logger.ts';
import { KubeClient } from '../client.ts';
import { EventCorrelator, eventLimits } from './event-correlator.ts';
import { eventNamespace, kubeEvent, type ObjectEvent, seriesOf } from './object-event.ts';

/**
 * Why an Event was not told.
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

/** One Event object of ours. */
interface Told {
  readonly event: ObjectEvent;
  name: string;
  firstAt: number;
  lastAt: number;
  count: number;
  /** The API server has it. */
  exists: boolean;
}

/** Events that wait to be written. */
const mostWaiting = 4_096;
/** Of all objects together, at once and then one each so many milliseconds: the API server is not ours alone. */
const globalBurst = 100;
const globalRefillMs = 100;
const requestTimeoutMs = 10_000;
const mostAttempts = 5;
/** After a 403 nothing is tried in that namespace for so long, in milliseconds. */
const forbiddenMs = 60_000;

/**
 * Writes Events (events.k8s.io/v1) about the users' objects, with the limits of client-go. `record()` only
 * takes note; `run()` writes one after the other. What is too much is dropped and counted: an Event is
 * help, and nothing waits for it.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #client: KubeClient;
  readonly #correlator: EventCorrelator;
  readonly #pace: TokenBucket;
  readonly #told = new LruMap<string, Told>(eventLimits.remembered);
  readonly #waiting = new Set<Told>();
  /** By namespace: until when nothing is tried, monotonic ms. */
  readonly #forbidden = new Map<string, number>();
  #isFailing = false;
  /** Of Event objects begun: tells apart those of one millisecond. */
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
    let told = this.#told.get(correlated.key);
    const isWaiting = told !== undefined && this.#waiting.has(told);
    if (!isWaiting && this.#waiting.size >= mostWaiting) {
      onDropped('overflow');
      return;
    }
    if (told === undefined) {
      told = { event: correlated.event, name: '', firstAt: 0, lastAt: 0, count: 0, exists: false };
      this.#told.set(correlated.key, told);
    }
    if (told.count === 0) this.#begin(told);
    told.count += 1;
    told.lastAt = clock.wall();
    this.#waiting.add(told);
    this.#wakeup.notify();
  }

  /** Writes until the signal aborts; never rejects. What waits then is dropped. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    try {
      for (;;) {
        await this.#wakeup.wait(undefined, signal);
        for (const told of this.#waiting) {
          const waitMs = this.#pace.take();
          if (waitMs > 0) await clock.sleep(waitMs, signal);
          this.#waiting.delete(told);
          await this.#write(told, signal);
        }
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }

  /** A new Event object, for the first time or because the last one has expired. */
  #begin(told: Told): void {
    const { clock } = this.#options;
    this.#number += 1;
    const unique = `${clock.wall().toString(16)}${this.#number.toString(16).padStart(4, '0')}`;
    // Room for the suffix within the 253 characters of a name.
    told.name = `${told.event.regarding.name.slice(0, 225)}.${unique}`;
    told.firstAt = clock.wall();
    told.exists = false;
  }

  async #write(told: Told, signal: AbortSignal): Promise<void> {
    const { clock, random, onDropped } = this.#options;
    const namespace = eventNamespace(told.event.regarding);
    if ((this.#forbidden.get(namespace) ?? 0) > clock.now()) {
      if (!told.exists) told.count = 0;
      onDropped('forbidden');
      return;
    }
    let attempts = 0;
    const attempt = () => withDeadline(clock, requestTimeoutMs, signal, (inTime) => this.#send(told, inTime));
    const onError = (error: RegistrarError) => {
      attempts += 1;
      if (!isPassing(error) || attempts === mostAttempts) throw error;
    };
    try {
      await retry(attempt, { clock, random, onError }, signal);
      this.#succeeded(namespace);
    } catch (thrown) {
      signal.throwIfAborted();
      // The next of its kind begins anew.
      if (!told.exists) told.count = 0;
      this.#failed(namespace, RegistrarError.from(thrown));
    }
  }

  async #send(told: Told, signal: AbortSignal): Promise<void> {
    const { reportingInstance } = this.#options;
    const path = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(eventNamespace(told.event.regarding))}/events`;
    if (told.exists) {
      try {
        const patch = { series: seriesOf(told) };
        await this.#client.patch(`${path}/${encodeURIComponent(told.name)}`, patch, {
          signal,
          type: 'merge',
        });
        return;
      } catch (thrown) {
        // The API server forgets Events, after an hour by default.
        if (RegistrarError.from(thrown).code !== 'not-found') throw thrown;
        told.count = 1;
        this.#begin(told);
      }
    }
    try {
      await this.#client.create(path, kubeEvent(told.event, { ...told, reportingInstance }), { signal });
    } catch (thrown) {
      // An earlier attempt of ours whose answer was lost.
      if (RegistrarError.from(thrown).code !== 'conflict') throw thrown;
    }
    told.exists = true;
  }

  #succeeded(namespace: string): void {
    const { logger } = this.#options;
    if (this.#forbidden.delete(namespace)) {
      logger.info('Events can be written again', { reason: 'EventsAllowed', namespace });
    }
    if (!this.#isFailing) return;
    this.#isFailing = false;
    logger.info('Events are written again', { reason: 'EventsWritten' });
  }

  #failed(namespace: string, error: RegistrarError): void {
    const { clock, logger, onDropped } = this.#options;
    // A namespace that is gone or going: nobody is left to be told. The server says the latter in words only.
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
      logger.warn('Events cannot be written; the owners of pods and Services are not told', {
        reason: 'EventsForbidden',
        namespace,
        error: describe(error),
        hint: 'the ServiceAccount needs the verbs create and patch on events of the group events.k8s.io',
      });
      return;
    }
    onDropped('failed');
    if (this.#isFailing) return;
    this.#isFailing = true;
    logger.warn('Events cannot be written at the moment; some are lost', {
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
