import type { HttpResponse } from '../lib/transport.ts';
import { answerError } from './answer-error.ts';
import { type ApiAnswer, ConsulApi, type ConsulApiOptions, type HttpAnswer, jsonOf } from './consul-api.ts';
import {
  agentSelfSchema,
  type CheckAnswer,
  checked,
  checksSchema,
  type NodeAnswer,
  type NodeServicesAnswer,
  nodeServicesSchema,
  nodesSchema,
  serviceTagsSchema,
  sessionCreatedSchema,
  type TxnResult,
  txnCommittedSchema,
  txnRolledBackSchema,
} from './schemas.ts';

export interface BlockingOptions {
  /** The query blocks until the index has passed this one, */
  readonly index: number;
  /** at most so long, in milliseconds. */
  readonly waitMs: number;
}

export interface CatalogNodesOptions {
  /** Only nodes whose meta has all of these. Default: every node. */
  readonly nodeMeta?: NodeMeta;
  /** An expression in Consul's filter language. */
  readonly filter?: string;
}

type NodeMeta = Readonly<Record<string, string>>;

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
 * The outcome of a transaction that Consul decided on; everything else rejects.
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

/** A reading whose index is asked for. All but the last cover every node with this meta. */
export type IndexSource =
  | { readonly kind: 'nodes'; readonly nodeMeta: NodeMeta }
  | { readonly kind: 'services'; readonly nodeMeta: NodeMeta }
  | { readonly kind: 'checks'; readonly nodeMeta: NodeMeta }
  | { readonly kind: 'node-checks'; readonly node: string };

/**
 * Most bytes of answers whose size is known: a larger one is not from Consul, or not from a healthy one. Other
 * readings have the limit of readText().
 */
const maxBytesOf = {
  /** A few words, or an id. */
  acknowledgement: 1024 * 1024,
  /** The results of a request of 512 KiB. */
  results: 8 * 1024 * 1024,
  /** A filter that nothing passes; servers that do not know it for an endpoint ignore it. */
  filtered: 8 * 1024 * 1024,
};
const results = { maxBytes: maxBytesOf.results };
const acknowledgement = { maxBytes: maxBytesOf.acknowledgement };

/**
 * The part of Consul's HTTP API (https://developer.hashicorp.com/consul/api-docs) that the operator needs, with
 * answers checked: by npm `consul`, see consul-api.ts.
 *
 * Where the package's methods would drop what we send, its generic requests are used: `catalog.register` and
 * `session.create` leave fields out, and `catalog/node-services` is not there. Two calls take the raw way, for they
 * are the hot path: txn(), whose body the writer has encoded already to know its size, and indexOf(), of whose answer
 * only a header is read, for thousands of nodes at a time.
 *
 * Every method rejects as ConsulApi does, with `protocol` also for an answer of another shape than promised.
 */
export class ConsulClient {
  readonly #api: ConsulApi;

  constructor(options: ConsulApiOptions) {
    this.#api = new ConsulApi(options);
  }

  /** `body`: a JSON array of operations, see txn-ops.ts. */
  async txn(body: string, signal: AbortSignal): Promise<TxnAnswer> {
    const answer = await this.#api.exchange('PUT', '/v1/txn', body, signal, results);
    const isData = answer.status === 200 || answer.status === 409;
    return txnAnswer(answer, isData ? jsonOf(answer.text, answer.what) : undefined);
  }

  /** As txn(), for a few operations now and then. */
  async transaction(operations: readonly object[], signal: AbortSignal): Promise<TxnAnswer> {
    const answer = await this.#api.answer(
      ({ transaction }, context) => transaction.create(operations, context),
      signal,
      results,
    );
    return txnAnswer(answer, answer.status === 409 ? jsonOf(answer.text, answer.what) : answer.body);
  }

  async catalogNodes(
    { nodeMeta, filter }: CatalogNodesOptions,
    signal: AbortSignal,
  ): Promise<Answer<NodeAnswer[]>> {
    const query = {
      ...(nodeMeta === undefined ? {} : { 'node-meta': nodeMetaPairs(nodeMeta) }),
      ...(filter === undefined ? {} : { filter }),
    };
    const answer = await this.#api.call(
      ({ catalog }, context) => catalog.node.list({ ...context, ...query }),
      signal,
    );
    return reading(answer, checked(nodesSchema, answer.body, answer.what));
  }

  /** Names of all services that the token may see, in order. */
  async serviceNames(signal: AbortSignal): Promise<string[]> {
    const { what, body } = await this.#api.call(
      ({ catalog }, context) => catalog.service.list(context),
      signal,
    );
    return Object.keys(checked(serviceTagsSchema, body, what)).sort();
  }

  /** The node and its instances; undefined when there is no node of exactly this name. */
  async nodeServices(node: string, signal: AbortSignal): Promise<Answer<NodeWithServices | undefined>> {
    const answer = await this.#api.call(
      (consul, context) =>
        consul._get({ ...context, path: '/catalog/node-services/{node}', params: { node } }),
      signal,
    );
    const found: NodeServicesAnswer = checked(nodeServicesSchema, answer.body ?? null, answer.what);
    // A name that looks like the start of a node id finds that node, too.
    const isIt = found?.Node != null && found.Node.Node === node;
    return reading(answer, isIt ? { Node: found.Node!, Services: found.Services } : undefined);
  }

  /** All checks on a node, its instances' included. */
  async healthNode(node: string, signal: AbortSignal): Promise<Answer<CheckAnswer[]>> {
    const answer = await this.#api.call(({ health }, context) => health.node({ ...context, node }), signal);
    return reading(answer, checked(checksSchema, answer.body, answer.what));
  }

  /**
   * The index of a reading and nothing of its content: a filter that nothing passes keeps the answer small
   * and neither the index nor what wakes a blocking query depends on it. With `blocking`, it only wakes.
   */
  async indexOf(
    source: IndexSource,
    blocking: BlockingOptions | undefined,
    signal: AbortSignal,
  ): Promise<number> {
    const wait = blocking === undefined ? '' : `&index=${blocking.index}&wait=${blocking.waitMs}ms`;
    const answer = await this.#api.exchange('GET', indexPath(source) + wait, undefined, signal, {
      maxBytes: maxBytesOf.filtered,
      ...(blocking === undefined ? {} : { waitMs: blocking.waitMs }),
    });
    if (answer.status !== 200) throw errorOf(answer);
    return indexIn(answer.headers);
  }

  /** Version of the agent that answers, which may be newer or older than the servers. */
  async version(signal: AbortSignal): Promise<string> {
    const { what, body } = await this.#api.call(({ agent }, context) => agent.self(context), signal);
    return checked(agentSelfSchema, body, what).Config.Version;
  }

  /** A node, a service on it and checks in one write, as `PUT /v1/catalog/register` takes them. */
  async register(entry: object, signal: AbortSignal): Promise<void> {
    await this.#api.call(
      (consul, context) => consul._put({ ...context, path: '/catalog/register', body: entry }),
      signal,
      acknowledgement,
    );
  }

  /** The id of a new session. https://developer.hashicorp.com/consul/api-docs/session */
  async createSession(session: object, signal: AbortSignal): Promise<string> {
    const { what, body } = await this.#api.call(
      (consul, context) => consul._put({ ...context, path: '/session/create', body: session }),
      signal,
      acknowledgement,
    );
    return checked(sessionCreatedSchema, body, what).ID;
  }

  /** Starts the session's time over; false when there is no such session any more. */
  async renewSession(id: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#api.answer(
      ({ session }, context) => session.renew({ ...context, id }),
      signal,
      acknowledgement,
    );
    if (answer.status !== 200 && answer.status !== 404) throw errorOf(answer);
    return answer.status === 200;
  }

  /** Ends a session; that it is over already is no error. */
  async destroySession(id: string, signal: AbortSignal): Promise<void> {
    await this.#api.call(
      ({ session }, context) => session.destroy({ ...context, id }),
      signal,
      acknowledgement,
    );
  }

  /** Idle connections closed, running requests ended. */
  close(): Promise<void> {
    return this.#api.close();
  }
}

export interface NodeWithServices {
  readonly Node: NodeAnswer;
  readonly Services: NonNullable<NodeServicesAnswer>['Services'];
}

const errorOf = ({ what, status, headers, text }: HttpAnswer) => answerError(what, status, headers, text);

function reading<Value>({ headers }: ApiAnswer, value: Value): Answer<Value> {
  return {
    value,
    index: indexIn(headers),
    knownLeader: headers['x-consul-knownleader'] === 'true',
    filteredByAcls: headers['x-consul-results-filtered-by-acls'] === 'true',
  };
}

const indexIn = (headers: HttpResponse['headers']): number => Number(headers['x-consul-index'] ?? 0);

function txnAnswer(answer: HttpAnswer, body: unknown): TxnAnswer {
  const { what, status, text } = answer;
  if (status === 200) return { kind: 'committed', results: checked(txnCommittedSchema, body, what).Results };
  if (status === 409) {
    const { Errors } = checked(txnRolledBackSchema, body, what);
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
  throw errorOf(answer);
}

/** Path and query, with a filter that nothing passes. */
function indexPath(source: IndexSource): string {
  switch (source.kind) {
    case 'nodes':
      return `/v1/catalog/nodes?filter=${noNode}${nodeMetaQuery(source.nodeMeta)}`;
    case 'services':
      return `/v1/catalog/services?filter=${noService}${nodeMetaQuery(source.nodeMeta)}`;
    case 'checks':
      return `/v1/health/state/any?filter=${noCheck}${nodeMetaQuery(source.nodeMeta)}`;
    case 'node-checks':
      return `/v1/health/node/${encodeURIComponent(source.node)}?filter=${noCheck}`;
  }
}

const noNode = encodeURIComponent('Node == ""');
const noService = encodeURIComponent('ServiceName == ""');
const noCheck = encodeURIComponent('CheckID == ""');

const nodeMetaPairs = (meta: NodeMeta): string[] =>
  Object.entries(meta).map(([key, value]) => `${key}:${value}`);

const nodeMetaQuery = (meta: NodeMeta): string =>
  nodeMetaPairs(meta)
    .map((pair) => `&node-meta=${encodeURIComponent(pair)}`)
    .join('');

function numberIn(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}
