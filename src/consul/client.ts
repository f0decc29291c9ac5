import type * as z from 'zod';
import { RegistrarError } from '../lib/errors.ts';
import type { HttpResponse } from '../lib/transport.ts';
import { ConsulApi, type ConsulApiOptions, type Invoke } from './consul-api.ts';
import { checksAnswer, nodeServicesAnswer, nodesAnswer, txnResults } from './hot-answers.ts';
import { answerError, type HttpAnswer, jsonOf } from './http-answer.ts';
import {
  agentSelfSchema,
  type CheckAnswer,
  checked,
  type NodeAnswer,
  type NodeServicesAnswer,
  serviceTagsSchema,
  sessionCreatedSchema,
  type TxnResult,
  txnRolledBackSchema,
} from './schemas.ts';

export interface BlockingOptions {
  /** The query blocks until the index has passed this one. */
  readonly index: number;
  /** The longest it blocks, in milliseconds. */
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
    const request = { method: 'PUT', path: '/v1/txn', body, signal } as const;
    const answer = await this.#api.exchange(request, { maxBytes: maxBytesOf.results });
    return txnAnswer(answer, answer.status === 200 ? jsonOf(answer) : undefined);
  }

  /** As txn(), for a few operations now and then. */
  async transaction(operations: readonly object[], signal: AbortSignal): Promise<TxnAnswer> {
    const invoke: Invoke = ({ transaction }, context) => transaction.create(operations, context);
    const answer = await this.#api.answer(invoke, signal, { maxBytes: maxBytesOf.results });
    return txnAnswer(answer, answer.body);
  }

  catalogNodes(
    { nodeMeta, filter }: CatalogNodesOptions,
    signal: AbortSignal,
  ): Promise<Answer<NodeAnswer[]>> {
    const query = {
      ...(nodeMeta === undefined ? {} : { 'node-meta': nodeMetaPairs(nodeMeta) }),
      ...(filter === undefined ? {} : { filter }),
    };
    return this.#read(nodesAnswer, signal, ({ catalog }, context) =>
      catalog.node.list({ ...context, ...query }),
    );
  }

  /** Names of all services that the token may see, in order. */
  async serviceNames(signal: AbortSignal): Promise<string[]> {
    const tags = await this.#read(by(serviceTagsSchema), signal, ({ catalog }, context) =>
      catalog.service.list(context),
    );
    return Object.keys(tags.value).sort();
  }

  /** The node and its instances; undefined when there is no node of exactly this name. */
  async nodeServices(node: string, signal: AbortSignal): Promise<Answer<NodeWithServices | undefined>> {
    const answer = await this.#read(nodeServicesAnswer, signal, (consul, context) =>
      consul._get({ ...context, path: '/catalog/node-services/{node}', params: { node } }),
    );
    const { Node, Services = [] } = answer.value ?? {};
    // A name that looks like the start of a node id finds that node, too.
    return { ...answer, value: Node != null && Node.Node === node ? { Node, Services } : undefined };
  }

  /** All checks on a node, its instances' included. */
  healthNode(node: string, signal: AbortSignal): Promise<Answer<CheckAnswer[]>> {
    return this.#read(checksAnswer, signal, ({ health }, context) => health.node({ ...context, node }));
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
    const answer = await this.#api.exchange(
      { method: 'GET', path: indexPath(source) + wait, signal },
      { maxBytes: maxBytesOf.filtered, waitMs: blocking?.waitMs ?? 0 },
    );
    if (answer.status !== 200) throw answerError(answer);
    return indexIn(answer.headers);
  }

  /** Version of the agent that answers, which may be newer or older than the servers. */
  async version(signal: AbortSignal): Promise<string> {
    const { value } = await this.#read(by(agentSelfSchema), signal, ({ agent }, context) =>
      agent.self(context),
    );
    return value.Config.Version;
  }

  /** A node, a service on it and checks in one write, as `PUT /v1/catalog/register` takes them. */
  async register(entry: object, signal: AbortSignal): Promise<void> {
    const put: Invoke = (consul, context) =>
      consul._put({ ...context, path: '/catalog/register', body: entry });
    await this.#api.call(put, signal, acknowledgement);
  }

  /** The id of a new session. https://developer.hashicorp.com/consul/api-docs/session */
  async createSession(session: object, signal: AbortSignal): Promise<string> {
    const put: Invoke = (consul, context) =>
      consul._put({ ...context, path: '/session/create', body: session });
    const { what, body } = await this.#api.call(put, signal, acknowledgement);
    return checked(sessionCreatedSchema, body, what).ID;
  }

  /** Starts the session's time over; false when there is no such session any more. */
  async renewSession(id: string, signal: AbortSignal): Promise<boolean> {
    const renew: Invoke = ({ session }, context) => session.renew({ ...context, id });
    const answer = await this.#api.answer(renew, signal, acknowledgement);
    if (answer.status !== 200 && answer.status !== 404) throw answerError(answer);
    return answer.status === 200;
  }

  /** Ends a session; that it is over already is no error. */
  async destroySession(id: string, signal: AbortSignal): Promise<void> {
    const destroy: Invoke = ({ session }, context) => session.destroy({ ...context, id });
    await this.#api.call(destroy, signal, acknowledgement);
  }

  /** Idle connections closed, running requests ended. */
  close(): Promise<void> {
    return this.#api.close();
  }

  async #read<Value>(
    shape: (body: unknown, what: string) => Value,
    signal: AbortSignal,
    invoke: Invoke,
  ): Promise<Answer<Value>> {
    const { what, headers, body } = await this.#api.call(invoke, signal);
    // Consul answers every reading with JSON, if only with null.
    if (body === undefined) throw new RegistrarError('protocol', `${what}: the answer is empty`);
    return {
      value: shape(body, what),
      index: indexIn(headers),
      knownLeader: headers['x-consul-knownleader'] === 'true',
      filteredByAcls: headers['x-consul-results-filtered-by-acls'] === 'true',
    };
  }
}

export interface NodeWithServices {
  readonly Node: NodeAnswer;
  readonly Services: NonNullable<NodeServicesAnswer>['Services'];
}

const by =
  <Schema extends z.ZodType>(schema: Schema) =>
  (body: unknown, what: string): z.output<Schema> =>
    checked(schema, body, what);

const indexIn = (headers: HttpResponse['headers']): number => Number(headers['x-consul-index'] ?? 0);

function txnAnswer(answer: HttpAnswer, body: unknown): TxnAnswer {
  const { what, status, text } = answer;
  if (status === 200) return { kind: 'committed', results: txnResults(body, what) };
  if (status === 409) {
    const { Errors } = checked(txnRolledBackSchema, jsonOf(answer), what);
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
  throw answerError(answer);
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
