import type { Clock } from '../../lib/clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { type Random, systemRandom } from '../../lib/random.ts';
import type { HttpRequest, HttpResponse, Transport } from '../../lib/transport.ts';
import { AccessTable } from './access.ts';
import { errorAnswer, jsonAnswer, textAnswer } from './answer.ts';
import { apiGroups, authorizationResources, coreVersions, groupResources } from './discovery.ts';
import { type Fault, Faults } from './faults.ts';
import { InProcessTransport } from './in-process.ts';
import type { DraftObject } from './object.ts';
import { openApiOf, openApiRoot } from './openapi.ts';
import { reviewInProtobuf } from './protobuf-review.ts';
import { Registry } from './registry.ts';
import { headerOf, parseBody, ResourceHandler } from './resource-handler.ts';
import { resourceNamed } from './resources.ts';
import { ApiError, badRequest, invalid, methodNotAllowed, required } from './status.ts';
import { ObjectStore } from './store.ts';
import { parseTarget, type Target } from './target.ts';
import { WatchHub } from './watch-hub.ts';

export interface KubeApiOptions {
  readonly clock: Clock;
  /** For uids, generated names and the length of watches. Default: the system's. */
  readonly random?: Random;
  /** How long past states can be read and watched from, ms. Default 300,000. */
  readonly historyMs?: number;
}

type ContainerTarget = Extract<Target, { kind: 'container' }>;

const version = { major: '1', minor: '37', gitVersion: 'v1.37.0-sandbox', platform: 'in-memory' };

/**
 * A Kubernetes API server in memory, for the sandbox and tests. It serves what `resources.ts` lists with the
 * semantics of the real one (one contract suite runs against both), without sockets or timers of its own, so
 * that it works in virtual time and repeats itself exactly given the same clock and randomness.
 *
 * `store` changes the state directly, `registry` by the rules of the API, `access` says who may do what, and
 * `faults` makes things go wrong.
 */
export class KubeApi {
  readonly store: ObjectStore;
  readonly registry: Registry;
  readonly access = new AccessTable();
  readonly faults: Faults;
  readonly watches: WatchHub;
  readonly #clock: Clock;
  readonly #resources: ResourceHandler;

  constructor({ clock, random = systemRandom, historyMs = 300_000 }: KubeApiOptions) {
    this.#clock = clock;
    this.store = new ObjectStore({ clock, random, historyMs });
    this.registry = new Registry(this.store, clock);
    this.watches = new WatchHub(this.store, clock, random);
    this.faults = new Faults(this.store, this.watches);
    this.#resources = new ResourceHandler(this, clock);
    for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) this.addNamespace(name);
  }

  /** Creates a namespace unless it exists. */
  addNamespace(name: string): void {
    if (this.store.get('namespaces', undefined, name) !== undefined) return;
    this.store.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  }

  /** A client's way in: as this user, or as whom its Authorization header names (`admin` without one). */
  transport(user?: string): Transport {
    return new InProcessTransport(this.#clock, (request) => this.handle(request, user));
  }

  /** Answers one request. Rejects only where the network would fail (`unreachable`, `aborted`). */
  async handle(request: HttpRequest, user?: string): Promise<HttpResponse> {
    const fault = this.faults.intercept?.(request);
    return fault === undefined ? this.#answer(request, user) : this.#faulty(fault, request, user);
  }

  async #faulty(fault: Fault, request: HttpRequest, user: string | undefined): Promise<HttpResponse> {
    const reset = new RegistrarError('unreachable', 'connection reset');
    switch (fault.kind) {
      case 'answer': {
        const answer =
          typeof fault.body === 'string'
            ? textAnswer(fault.status, fault.body)
            : jsonAnswer(fault.status, fault.body ?? plainStatus(fault.status));
        return { ...answer, headers: { ...answer.headers, ...fault.headers } };
      }
      case 'hang':
        return new Promise((_, reject) => {
          const stop = () => reject(RegistrarError.from(request.signal.reason));
          if (request.signal.aborted) stop();
          else request.signal.addEventListener('abort', stop, { once: true });
        });
      case 'reset':
        // A watch it opened ends with the connection.
        if (fault.applied) await this.#answer(request, user).body[Symbol.asyncIterator]().return?.();
        throw reset;
      case 'delay':
        await this.#clock.sleep(fault.ms, request.signal);
        return this.#answer(request, user);
      case 'truncate': {
        const answer = this.#answer(request, user);
        return { ...answer, body: truncated(answer.body, fault.bytes, reset) };
      }
    }
  }

  #answer(request: HttpRequest, user: string | undefined): HttpResponse {
    try {
      return this.#route(request, user ?? this.access.authenticate(headerOf(request, 'authorization')));
    } catch (thrown) {
      if (thrown instanceof ApiError) return errorAnswer(thrown);
      throw thrown;
    }
  }

  #route(request: HttpRequest, user: string): HttpResponse {
    const url = new URL(request.path, 'http://localhost');
    const target = parseTarget(url.pathname);
    switch (target?.kind) {
      case undefined:
        return textAnswer(404, '404 page not found\n');
      case 'health':
        return textAnswer(200, 'ok');
      case 'version':
        return jsonAnswer(200, version);
      case 'groups':
        return jsonAnswer(200, apiGroups());
      case 'core-versions':
        return jsonAnswer(200, coreVersions);
      case 'group-resources':
        return jsonAnswer(200, groupResources(target.group, target.version));
      case 'authorization':
        return jsonAnswer(200, authorizationResources);
      case 'openapi':
        return jsonAnswer(200, openApiRoot());
      case 'openapi-group':
        return jsonAnswer(200, openApiOf(target.group, target.version));
      case 'access-review':
        if (request.method !== 'POST') throw methodNotAllowed();
        return jsonAnswer(
          201,
          this.#review(user, reviewInProtobuf(request.body ?? '') ?? parseBody(request)),
        );
      case 'container':
        throw this.#noContainer(user, target);
      case 'resource':
        return this.#resources.handle({ request, user, target, query: url.searchParams });
    }
  }

  /** There is no kubelet to ask. */
  #noContainer(user: string, { namespace, name, part }: ContainerTarget): ApiError {
    const verb = part === 'log' ? 'get' : 'create';
    this.access.authorize(user, { verb, group: '', resource: `pods/${part}`, namespace, name });
    this.registry.get(resourceNamed('pods'), namespace, name);
    return badRequest(`pod "${name}" runs no container: this cluster is in memory, without kubelets`);
  }

  #review(user: string, request: DraftObject): DraftObject {
    const spec = request['spec'];
    const complete = typeof spec === 'object' && spec !== null && Object.keys(spec).length > 0;
    if (!complete) {
      throw invalid('SelfSubjectAccessReview', 'authorization.k8s.io', '', [
        required(
          'spec.resourceAttributes',
          'exactly one of nonResourceAttributes or resourceAttributes must be specified',
        ),
      ]);
    }
    return this.access.review(user, request);
  }
}

function plainStatus(code: number): unknown {
  return new ApiError(code, code >= 500 ? 'InternalError' : 'Unknown', `injected fault: ${code}`).body();
}

/** Not a generator: its return() would wait for the chunk it is waiting for itself, for ever in a watch. */
function truncated(body: AsyncIterable<Uint8Array>, bytes: number, error: Error): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const chunks = body[Symbol.asyncIterator]();
      let left = bytes;
      return {
        next: async (): Promise<IteratorResult<Uint8Array>> => {
          const result = left < 0 ? undefined : await chunks.next();
          if (result === undefined || result.done) throw error;
          const { value } = result;
          if (value.byteLength <= left) {
            left -= value.byteLength;
            return { done: false, value };
          }
          await chunks.return?.();
          const part = value.subarray(0, left);
          left = -1;
          if (part.byteLength === 0) throw error;
          return { done: false, value: part };
        },
        return: async () => (await chunks.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
