import { RegistrarError } from '../lib/errors.ts';
import { answerError } from './answer-error.ts';
import { ConsulHttp, type ConsulHttpOptions } from './consul-http.ts';
import {
  agentSelfSchema,
  type CheckAnswer,
  checksSchema,
  type NodeAnswer,
  type NodeServicesAnswer,
  nodeServicesSchema,
  nodesSchema,
  parse,
  serviceTagsSchema,
  sessionCreatedSchema,
  type TxnResult,
  txnCommittedSchema,
  txnRolledBackSchema,
} from './schemas.ts';

export interface ReadOptions {
  /** Blocks until the index has passed this one, at most `waitMs`. */
  readonly index?: number;
  /** In milliseconds. Default 300,000; only with `index`. */
  readonly waitMs?: number;
}

export interface CatalogNodesOptions extends ReadOptions {
  /** Only nodes whose meta has all of these. */
  readonly nodeMeta?: Readonly<Record<string, string>>;
  /** An expression in Consul's filter language. */
  readonly filter?: string;
}

export interface Answer<Value> {
  readonly value: Value;
  /** `X-Consul-Index`. */
  readonly index: number;
  /** `X-Consul-KnownLeader`; false makes absence unbelievable. */
  readonly knownLeader: boolean;
  /** `X-Consul-Results-Filtered-By-ACLs`: the token does not see everything that was asked for. */
  readonly filteredByAcls: boolean;
}

/**
 * What a transaction came to; what is neither of these rejects.
 *
 * - `committed`   one result for each entry set or read, in order; a deletion adds none
 * - `rolled-back` nothing was written, and these operations are why
 * - `too-large`   nothing was written; the limit the server named, if it did
 */
export type TxnAnswer =
  | { readonly kind: 'committed'; readonly results: readonly TxnResult[] }
  | { readonly kind: 'rolled-back'; readonly errors: readonly TxnOpError[] }
  | {
      readonly kind: 'too-large';
      readonly text: string;
      readonly operations: number | undefined;
      readonly bytes: number | undefined;
    };

export interface TxnOpError {
  readonly opIndex: number;
  readonly what: string;
}

/** What an index is asked of; all but the last cover every node with this meta. */
export type IndexSource =
  | { readonly kind: 'nodes'; readonly nodeMeta: Readonly<Record<string, string>> }
  | { readonly kind: 'services'; readonly nodeMeta: Readonly<Record<string, string>> }
  | { readonly kind: 'checks'; readonly nodeMeta: Readonly<Record<string, string>> }
  | { readonly kind: 'node-checks'; readonly node: string };

/**
 * Most bytes of answers whose size is known: whoever sends more is not Consul, or not well. Readings have the limit of
 * readText().
 */
const maxBytesOf = {
  /** A few words, or an id. */
  acknowledgement: 1024 * 1024,
  /** What a request of 512 KiB has written. */
  results: 8 * 1024 * 1024,
  /** A filter that nothing passes; servers that do not know it for an endpoint ignore it. */
  filtered: 8 * 1024 * 1024,
};

/** The wait Consul applies when none is given, and the share of it it may add as jitter. */
const defaultWaitMs = 300_000;
const waitJitter = 1 / 16;

/**
 * The part of Consul's HTTP API (https://developer.hashicorp.com/consul/api-docs) that the operator needs.
 *
 * A client of our own rather than npm `consul`: that one does not take an AbortSignal, leaves out fields we
 * write, and brings its own connections, whereas this one has to run over an injected transport.
 *
 * Every method rejects with a RegistrarError: `timeout`, `unreachable`, `aborted`; by status `unauthorized`,
 * `forbidden` (also "ACL not found"), `not-found`, `throttled`, `unavailable`, `rejected`; `protocol` for an
 * answer of another shape than promised.
 */
export class ConsulClient {
  readonly #http: ConsulHttp;

  constructor(options: ConsulHttpOptions) {
    this.#http = new ConsulHttp(options);
  }

  /** `body`: a JSON array of operations, see txn-ops.ts. */
  async txn(body: string, signal: AbortSignal): Promise<TxnAnswer> {
    const what = 'PUT /v1/txn';
    const { status, headers, text } = await this.#http.exchange('PUT', '/v1/txn', [], signal, {
      body,
      maxBytes: maxBytesOf.results,
    });
    if (status === 200) return { kind: 'committed', results: parse(txnCommittedSchema, text, what).Results };
    if (status === 409) {
      const { Errors } = parse(txnRolledBackSchema, text, what);
      return {
        kind: 'rolled-back',
        errors: Errors.map(({ OpIndex, What }) => ({ opIndex: OpIndex, what: What })),
      };
    }
    if (status === 413) {
      const operations = numberIn(text, /too many operations \(\d+ > (\d+)\)/);
      const bytes = numberIn(text, /max size: (\d+) bytes/);
      return { kind: 'too-large', text: text.trim(), operations, bytes };
    }
    throw answerError(what, status, headers, text);
  }

  catalogNodes(options: CatalogNodesOptions, signal: AbortSignal): Promise<Answer<NodeAnswer[]>> {
    const query = nodeMetaQuery(options.nodeMeta ?? {});
    if (options.filter !== undefined) query.push(['filter', options.filter]);
    const read = (text: string, what: string) => parse(nodesSchema, text, what);
    return this.#read('/v1/catalog/nodes', query, options, signal, read);
  }

  /** Names of all services that the token may see, in order. */
  async serviceNames(signal: AbortSignal): Promise<string[]> {
    const read = (text: string, what: string) => Object.keys(parse(serviceTagsSchema, text, what)).sort();
    return (await this.#read('/v1/catalog/services', [], {}, signal, read)).value;
  }

  /** The node and its instances; undefined when there is no node of exactly this name. */
  nodeServices(
    node: string,
    options: ReadOptions,
    signal: AbortSignal,
  ): Promise<Answer<NodeWithServices | undefined>> {
    const path = `/v1/catalog/node-services/${encodeURIComponent(node)}`;
    return this.#read(path, [], options, signal, (text, what) => {
      const answer: NodeServicesAnswer = parse(nodeServicesSchema, text, what);
      // A name that looks like the start of a node id finds that node, too.
      if (answer?.Node == null || answer.Node.Node !== node) return undefined;
      return { Node: answer.Node, Services: answer.Services };
    });
  }

  /** All checks on a node, its instances' included. */
  healthNode(node: string, options: ReadOptions, signal: AbortSignal): Promise<Answer<CheckAnswer[]>> {
    const path = `/v1/health/node/${encodeURIComponent(node)}`;
    return this.#read(path, [], options, signal, (text, what) => parse(checksSchema, text, what));
  }

  /**
   * The index of a reading and nothing of its content: a filter that nothing passes keeps the answer small
   * and neither the index nor what wakes a blocking query depends on it. With `index`, it only wakes.
   */
  async indexOf(source: IndexSource, options: ReadOptions, signal: AbortSignal): Promise<number> {
    const [path, query] = indexRequest(source);
    const limits = { maxBytes: maxBytesOf.filtered };
    return (await this.#read(path, query, options, signal, () => undefined, limits)).index;
  }

  /** Version of the agent that answers, which may be newer or older than the servers. */
  async version(signal: AbortSignal): Promise<string> {
    const read = (text: string, what: string) => parse(agentSelfSchema, text, what).Config.Version;
    const { value } = await this.#read('/v1/agent/self', [], {}, signal, read);
    return value;
  }

  /** A node, a service on it and checks in one write, as `PUT /v1/catalog/register` takes them. */
  async register(entry: object, signal: AbortSignal): Promise<void> {
    await this.#put('/v1/catalog/register', entry, signal);
  }

  /** The id of a new session. https://developer.hashicorp.com/consul/api-docs/session */
  async createSession(session: object, signal: AbortSignal): Promise<string> {
    const path = '/v1/session/create';
    return parse(sessionCreatedSchema, await this.#put(path, session, signal), `PUT ${path}`).ID;
  }

  /** Starts the session's time over; false when there is no such session any more. */
  async renewSession(id: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#put(`/v1/session/renew/${encodeURIComponent(id)}`, undefined, signal);
      return true;
    } catch (thrown) {
      if (RegistrarError.from(thrown).code === 'not-found') return false;
      throw thrown;
    }
  }

  /** Ends a session; that it is over already is no error. */
  async destroySession(id: string, signal: AbortSignal): Promise<void> {
    await this.#put(`/v1/session/destroy/${encodeURIComponent(id)}`, undefined, signal);
  }

  /** Idle connections closed, running requests ended. */
  close(): Promise<void> {
    return this.#http.close();
  }

  async #put(path: string, body: object | undefined, signal: AbortSignal): Promise<string> {
    const { status, headers, text } = await this.#http.exchange('PUT', path, [], signal, {
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      maxBytes: maxBytesOf.acknowledgement,
    });
    if (status !== 200) throw answerError(`PUT ${path}`, status, headers, text);
    return text;
  }

  async #read<Value>(
    path: string,
    query: readonly [string, string][],
    { index, waitMs = defaultWaitMs }: ReadOptions,
    signal: AbortSignal,
    read: (text: string, what: string) => Value,
    limits: { readonly maxBytes?: number } = {},
  ): Promise<Answer<Value>> {
    const blocking: [string, string][] =
      index === undefined
        ? []
        : [
            ['index', String(index)],
            ['wait', `${waitMs}ms`],
          ];
    const extraMs = index === undefined ? 0 : waitMs * (1 + waitJitter);
    const { status, headers, text } = await this.#http.exchange(
      'GET',
      path,
      [...query, ...blocking],
      signal,
      { extraMs, ...limits },
    );
    const what = `GET ${path}`;
    if (status !== 200) throw answerError(what, status, headers, text);
    return {
      value: read(text, what),
      index: Number(headers['x-consul-index'] ?? 0),
      knownLeader: headers['x-consul-knownleader'] === 'true',
      filteredByAcls: headers['x-consul-results-filtered-by-acls'] === 'true',
    };
  }
}

export interface NodeWithServices {
  readonly Node: NodeAnswer;
  readonly Services: NonNullable<NodeServicesAnswer>['Services'];
}

function indexRequest(source: IndexSource): [path: string, query: [string, string][]] {
  switch (source.kind) {
    case 'nodes':
      return ['/v1/catalog/nodes', [...nodeMetaQuery(source.nodeMeta), ['filter', 'Node == ""']]];
    case 'services':
      return ['/v1/catalog/services', [...nodeMetaQuery(source.nodeMeta), ['filter', 'ServiceName == ""']]];
    case 'checks':
      return ['/v1/health/state/any', [...nodeMetaQuery(source.nodeMeta), ['filter', 'CheckID == ""']]];
    case 'node-checks':
      return [`/v1/health/node/${encodeURIComponent(source.node)}`, [['filter', 'CheckID == ""']]];
  }
}

function nodeMetaQuery(nodeMeta: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(nodeMeta).map(([key, value]) => ['node-meta', `${key}:${value}`]);
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}
