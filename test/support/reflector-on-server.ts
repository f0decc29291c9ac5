import assert from 'node:assert/strict';
import type { V1Pod } from '@kubernetes/client-node';
import { Reflector } from '../../src/kube/reflector/reflector.ts';
import type { Regression } from '../../src/kube/reflector/reflector-state.ts';
import { podResource } from '../../src/kube/reflector/resource.ts';
import { InternPool } from '../../src/kube/store/intern-pool.ts';
import { podProjection } from '../../src/kube/store/project-pod.ts';
import { Store } from '../../src/kube/store/store.ts';
import { silentLogger } from '../../src/logging/logger.ts';
import type { PodRecord } from '../../src/model/pod.ts';
import { KubeApi } from '../../src/sandbox/kube/kube-api.ts';
import { seeded } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A reflector of pods against the in-memory API server. */
export function reflectorOnServer(seed = 1) {
  const clock = new VirtualClock();
  const random = seeded(seed);
  const api = new KubeApi({ clock, random });
  const store = new Store<PodRecord>({ name: 'pods', logger: silentLogger });
  const regressions: Regression[] = [];
  const reflector = new Reflector<V1Pod, PodRecord>({
    transport: api.transport(),
    clock,
    random,
    logger: silentLogger,
    resource: podResource(),
    writer: store.writer(),
    project: podProjection('kube-registrar.io/', new InternPool()),
    onRegression: (regression) => void regressions.push(regression),
  });
  const abort = new AbortController();
  void reflector.start(abort.signal);
  return {
    clock,
    api,
    store,
    regressions,
    reflector,
    apply: (name: string, ip: string) =>
      api.store.apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default' },
        spec: { containers: [{ name: 'app', image: 'app' }] },
        status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
      }),
    remove: (name: string) => api.store.delete('pods', 'default', name),
    known: () =>
      [...store.records()]
        .map(({ name, uid, resourceVersion }) => `${name} ${uid} ${resourceVersion}`)
        .sort(),
    actual: () =>
      api.store
        .list('pods')
        .map(({ metadata: { name, uid, resourceVersion } }) => `${name} ${uid} ${resourceVersion}`)
        .sort(),
    async [Symbol.asyncDispose]() {
      abort.abort();
      await reflector.start(abort.signal);
      assert.equal(clock.pending, 0, 'timers left behind');
    },
  };
}
