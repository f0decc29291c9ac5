import type { Clock } from '../../src/lib/clock.ts';
import { RegistrarError } from '../../src/lib/errors.ts';
import type { HttpRequest, HttpResponse, Transport } from '../../src/lib/transport.ts';
import type { ProcessClock } from './process-clock.ts';

/** Hears of what one exchange brought the process. */
export interface ExchangeListener {
  /** The answer has begun. */
  opened?(): void;
  received?(chunk: Uint8Array): void;
  /** `complete`: the body was read to its end. */
  closed?(complete: boolean): void;
}

export interface ProcessNetworkOptions {
  readonly server: Transport;
  readonly world: Clock;
  readonly clock: ProcessClock;
  /** Milliseconds one way takes, drawn for each way; `request` on the way out. */
  readonly latency: (request?: HttpRequest) => number;
  /** Hands the request to the server; may kill the process before or after. Default: hands it over. */
  readonly send?: (request: HttpRequest, handOver: () => Promise<HttpResponse>) => Promise<HttpResponse>;
  readonly listen?: (request: HttpRequest) => ExchangeListener;
}

/**
 * The connections of one process to one server. Answers arrive late when the network is slow or the process
 * stalls, and never once it was killed: then every exchange is cut, and what waits for it waits for ever.
 */
export class ProcessNetwork implements Transport {
  readonly #options: ProcessNetworkOptions;
  readonly #open = new Set<Exchange>();
  readonly #pauses = new Set<Disposable>();
  /** Resolves when packets come through again. */
  #cut: PromiseWithResolvers<void> | undefined;
  #dead = false;

  constructor(options: ProcessNetworkOptions) {
    this.#options = options;
  }

  /** Exchanges that have not ended. */
  get open(): number {
    return this.#open.size;
  }

  /** No packet comes through any more, and nobody is told. */
  cut(): void {
    this.#cut ??= Promise.withResolvers();
  }

  /** What was sent meanwhile is sent again and arrives. */
  heal(): void {
    this.#cut?.resolve();
    this.#cut = undefined;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const { server, send = (_, handOver) => handOver(), listen, latency } = this.#options;
    if (this.#dead) return forever();
    const listener = listen?.(request);
    const abort = new AbortController();
    const exchange: Exchange = { abort, leave: undefined };
    const onAbort = () => abort.abort(request.signal.reason);
    if (request.signal.aborted) onAbort();
    else request.signal.addEventListener('abort', onAbort, { once: true });
    this.#open.add(exchange);
    let isClosed = false;
    const close = (complete: boolean): void => {
      if (isClosed) return;
      isClosed = true;
      request.signal.removeEventListener('abort', onAbort);
      this.#open.delete(exchange);
      listener?.closed?.(complete);
    };
    try {
      await this.#pause(latency(request), abort.signal);
      if (this.#cut !== undefined) await this.#passage(abort.signal);
      const inner = { ...request, signal: abort.signal };
      const response = await send(request, () => server.request(inner));
      const chunks = response.body[Symbol.asyncIterator]();
      exchange.leave = () => void chunks.return?.();
      if (this.#dead) return dropped(exchange);
      await this.#arrive(abort.signal);
      listener?.opened?.();
      return { ...response, body: this.#body(chunks, abort.signal, close, listener) };
    } catch (thrown) {
      if (this.#dead) return forever();
      await this.#arrive(abort.signal).catch(() => {});
      exchange.leave?.();
      close(false);
      throw thrown;
    }
  }

  async close(): Promise<void> {}

  /** The process is gone. */
  kill(): void {
    this.#dead = true;
    for (const pause of this.#pauses) pause[Symbol.dispose]();
    this.#pauses.clear();
    for (const { abort, leave } of this.#open) {
      abort.abort(new RegistrarError('aborted', 'killed'));
      leave?.();
    }
    this.#open.clear();
  }

  #body(
    chunks: AsyncIterator<Uint8Array>,
    signal: AbortSignal,
    close: (complete: boolean) => void,
    listener: ExchangeListener | undefined,
  ): AsyncIterable<Uint8Array> {
    // Each piece is under way from the moment it was sent, however late the one before it is read.
    const underWay: Piece[] = [];
    let onPiece = () => {};
    let isPumping = false;
    const pump = async (): Promise<void> => {
      for (let isLast = false; !isLast; ) {
        const sent = await chunks.next().then(
          (result) => ({ result }),
          (thrown: unknown) => ({ thrown }),
        );
        isLast = 'thrown' in sent || sent.result.done === true;
        underWay.push({ ...sent, at: this.#options.world.now() + this.#options.latency() });
        onPiece();
      }
    };
    const next = async () => {
      try {
        if (!isPumping) void pump();
        isPumping = true;
        while (underWay.length === 0) {
          await new Promise<void>((resolve) => {
            onPiece = resolve;
          });
        }
        const piece = underWay.shift()!;
        await this.#arrive(signal, piece.at - this.#options.world.now());
        if (this.#dead) return forever();
        if ('thrown' in piece) throw piece.thrown;
        const { result } = piece;
        if (result.done) close(true);
        else listener?.received?.(result.value);
        return result;
      } catch (thrown) {
        if (this.#dead) return forever();
        // Whoever reads does not say good-bye after an error.
        void chunks.return?.();
        close(false);
        throw thrown;
      }
    };
    const leave = async () => {
      close(false);
      // Not waited for: it may come after the piece that is still to be sent.
      void chunks.return?.();
      return { done: true as const, value: undefined };
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: leave }) };
  }

  async #arrive(signal: AbortSignal, ms = this.#options.latency()): Promise<void> {
    await this.#pause(ms, signal);
    if (this.#cut !== undefined) await this.#passage(signal);
    // A stall may begin while one is waited for.
    while (this.#options.clock.lag > 0) await this.#pause(this.#options.clock.lag, signal);
  }

  #passage(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(new RegistrarError('aborted', 'aborted', { cause: signal.reason }));
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      void this.#cut?.promise.then(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const aborted = () => {
        done();
        reject(new RegistrarError('aborted', 'aborted', { cause: signal.reason }));
      };
      const timer = this.#options.world.schedule(ms, () => {
        done();
        resolve();
      });
      const done = () => {
        timer[Symbol.dispose]();
        this.#pauses.delete(timer);
        signal.removeEventListener('abort', aborted);
      };
      this.#pauses.add(timer);
      if (signal.aborted) aborted();
      else signal.addEventListener('abort', aborted, { once: true });
    });
  }
}

/** A part of an answer, or what ends it, and when it arrives. */
type Piece = { readonly at: number } & (
  | { readonly result: IteratorResult<Uint8Array> }
  | { readonly thrown: unknown }
);

interface Exchange {
  readonly abort: AbortController;
  /** Closes the connection the answer comes on. */
  leave: (() => void) | undefined;
}

function dropped({ leave }: Exchange): Promise<never> {
  leave?.();
  return forever();
}

const forever = (): Promise<never> => new Promise(() => {});
