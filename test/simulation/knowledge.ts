import type { HttpRequest } from '../../src/lib/transport.ts';
import type { News } from './news.ts';
import type { ExchangeListener } from './process-network.ts';

const usual = ['pods', 'services', 'endpointslices', 'nodes'] as const;
const ofRoutes = ['ingresses', 'httproutes', 'grpcroutes', 'tlsroutes', 'gateways'] as const;
type Collection = (typeof usual | typeof ofRoutes)[number] | 'namespaces';

interface Watch {
  readonly collection: Collection;
  /** From when on everything that happens reaches the process. */
  readonly liveFrom: number;
}

export interface KnowledgeOptions {
  readonly now: () => number;
  /** Longest time a message takes, ms. */
  readonly latencyMs: number;
  readonly news: News;
  /** Whether it watches Ingresses and the Gateway API. */
  readonly routes: boolean;
  /** Since when the process stands still, or did until this moment. */
  readonly stalledSince: () => number | undefined;
  /** Whether the process reads Namespaces. */
  readonly readsNamespaces: boolean;
}

/**
 * Up to which moment a process can know the cluster: by the lists it read to their end and the watches that
 * are open. What happened after that moment is no fault of the process; what happened before is.
 */
export class Knowledge {
  readonly #options: KnowledgeOptions;
  readonly #collections: readonly Collection[];
  readonly #startedAt: number;
  readonly #upTo = new Map<Collection, number>();
  readonly #watches = new Set<Watch>();
  #sawNamespaces = false;

  constructor(options: KnowledgeOptions) {
    this.#options = options;
    const { readsNamespaces, routes } = options;
    this.#collections = [
      ...usual,
      ...(readsNamespaces ? (['namespaces'] as const) : []),
      ...(routes ? ofRoutes : []),
    ];
    this.#startedAt = options.now();
  }

  /** The moment up to which everything is known. A collection never read counts from the start. */
  upTo(): number {
    return Math.min(...this.#moments(this.#collections));
  }

  /** Whether routes are known up to another moment than Gateways: their addresses may be of no moment at all. */
  get isMixed(): boolean {
    return this.#options.routes && new Set(this.#moments(ofRoutes)).size > 1;
  }

  #moments(collections: readonly Collection[]): number[] {
    for (const watch of this.#watches) this.#learn(watch.collection, this.#reach(watch));
    return collections.map((collection) => this.#upTo.get(collection) ?? this.#startedAt);
  }

  /** Whether Namespaces matter to the process and it has not seen any. */
  get isWithoutNamespaces(): boolean {
    return this.#options.readsNamespaces && !this.#sawNamespaces;
  }

  listen(request: HttpRequest): ExchangeListener {
    const { now, latencyMs } = this.#options;
    const [path = '', query = ''] = request.path.split('?');
    const collection = this.#collections.find((name) => path.endsWith(`/${name}`));
    if (request.method !== 'GET' || collection === undefined) return {};
    if (!query.includes('watch=true')) {
      if (!isReflectors(collection, query)) return {};
      const asked = now();
      return {
        received: (chunk) => this.#saw(collection, chunk),
        closed: (complete) => void (complete && this.#learn(collection, asked)),
      };
    }
    // A WatchList first tells what is there; another watch first what it has missed.
    let isInitial = query.includes('sendInitialEvents=true');
    let watch: Watch | undefined;
    const live = () => {
      watch = { collection, liveFrom: now() + 2 * latencyMs };
      this.#watches.add(watch);
    };
    return {
      opened: () => void (isInitial || live()),
      received: (chunk) => {
        this.#saw(collection, chunk);
        if (isInitial && includes(chunk, 'initial-events-end')) {
          isInitial = false;
          live();
        }
        if (watch !== undefined && includes(chunk, '"type":"ERROR"')) this.#watches.delete(watch);
      },
      closed: () => {
        if (watch === undefined || !this.#watches.delete(watch)) return;
        this.#learn(collection, this.#reach(watch));
      },
    };
  }

  /** A list is taken in part by part. */
  #saw(collection: Collection, chunk: Uint8Array): void {
    if (collection === 'namespaces' && !includes(chunk, '"kind":"Status"')) this.#sawNamespaces = true;
  }

  #reach({ liveFrom }: Watch): number {
    const { now, latencyMs, news, stalledSince } = this.#options;
    if (now() <= liveFrom) return Number.NEGATIVE_INFINITY;
    const heldBackSince = news.heldBackSince(now(), 2 * latencyMs);
    return Math.min(now() - latencyMs, heldBackSince ?? now(), stalledSince() ?? now());
  }

  #learn(collection: Collection, moment: number): void {
    if (moment > (this.#upTo.get(collection) ?? this.#startedAt)) this.#upTo.set(collection, moment);
  }
}

/** A list of everything, that the stores are filled from; not one that asks about a single object. */
function isReflectors(collection: Collection, query: string): boolean {
  if (!query.includes('limit=500') || query.includes('labelSelector')) return false;
  return collection !== 'pods' || query.includes('status.phase');
}

const includes = (chunk: Uint8Array, text: string): boolean =>
  Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).includes(text);
