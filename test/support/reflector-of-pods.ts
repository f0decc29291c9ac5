import assert from 'node:assert/strict';
import type { V1Pod } from '@kubernetes/client-node';
import { Reflector } from '../../src/kube/reflector/reflector.ts';
import type { Regression } from '../../src/kube/reflector/reflector-state.ts';
import { podResource } from '../../src/kube/reflector/resource.ts';
import { InternPool } from '../../src/kube/store/intern-pool.ts';
import { podProjection } from '../../src/kube/store/project-pod.ts';
import { type Cause, Store } from '../../src/kube/store/store.ts';
import type { Random } from '../../src/lib/random.ts';
import type { HttpRequest, HttpResponse } from '../../src/lib/transport.ts';
import { silentLogger } from '../../src/logging/logger.ts';
import type { PodRecord } from '../../src/model/pod.ts';
import { listOf, status } from './kube-objects.ts';
import { answer, ScriptedTransport, StreamingAnswer, unanswered } from './scripted-transport.ts';
import { VirtualClock } from './virtual-clock.ts';

/** How a server without WatchList answers. */
export const watchListRefused = answer(
  status(422, 'Invalid', 'sendInitialEvents is forbidden unless the WatchList feature gate is enabled'),
  422,
);

/** Answers the checks that history goes on by `version`, and everything else by its script. */
class PodServer extends ScriptedTransport {
  /** Undefined: no answer. */
  version: string | undefined = '999999999';
  checks = 0;

  override async request(request: HttpRequest): Promise<HttpResponse> {
    if (new URL(request.path, 'http://server').searchParams.get('limit') !== '1')
      return super.request(request);
    this.checks += 1;
    return (this.version === undefined ? unanswered : answer(listOf('Pod', this.version, [])))(request);
  }
}

interface Heard {
  readonly verb: string;
  readonly cause: Cause;
}

/** A reflector of pods against a scripted server, in virtual time. */
export function reflectorOfPods({
  random = (() => 0.5) as Random,
  project = podProjection('kube-registrar.io/', new InternPool()),
  onRegression = (_: Regression): void => {},
} = {}) {
  const clock = new VirtualClock();
  const transport = new PodServer();
  const store = new Store<PodRecord>({ name: 'pods', logger: silentLogger });
  const heard: Heard[] = [];
  store.subscribe((before, after, cause) => {
    const name = (after ?? before)?.name;
    heard.push({ verb: `${before ? (after ? '~' : '-') : '+'}${name}`, cause });
  });
  const reflector = new Reflector<V1Pod, PodRecord>({
    transport,
    clock,
    random,
    logger: silentLogger,
    resource: podResource(),
    writer: store.writer(),
    project,
    onRegression,
  });
  const abort = new AbortController();
  return {
    clock,
    transport,
    store,
    heard,
    reflector,
    verbs: () => heard.splice(0).map(({ verb }) => verb),
    names: () => [...store.records()].map(({ name }) => name).sort(),
    async start() {
      void reflector.start(abort.signal);
      await clock.settle();
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      await reflector.start(abort.signal);
      assert.equal(clock.pending, 0, 'timers left behind');
    },
    abort,
  };
}

/** What was asked for, in short: `watch-list`, `list`, `watch@10`. */
export const kinds = (urls: readonly URL[]) =>
  urls.map(({ searchParams: query }) =>
    query.has('sendInitialEvents')
      ? 'watch-list'
      : query.has('watch')
        ? `watch@${query.get('resourceVersion')}`
        : 'list',
  );

/** Brings a reflector to where it watches through a paginated list. */
export async function listedAt(
  version: number,
  pods: readonly V1Pod[],
  options: Parameters<typeof reflectorOfPods>[0] = {},
) {
  const it = reflectorOfPods(options);
  const watch = new StreamingAnswer();
  it.transport.script(watchListRefused, answer(listOf('Pod', version, pods)), watch.respond);
  await it.start();
  it.verbs();
  return { ...it, watch };
}
