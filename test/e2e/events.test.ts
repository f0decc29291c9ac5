/** Events on a real API server: what `kubectl describe` reads of a pod that is, and of one that is not in Consul. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeList, KubeObject } from '../support/real/kube-api.ts';
import { type Stage, startStage } from '../support/real/stage.ts';

let stage: Stage;

before(async () => {
  stage = await startStage();
});

after(() => stage?.[Symbol.asyncDispose]());

/** core/v1, as kubectl reads it. */
interface CoreEvent extends KubeObject {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly reportingComponent: string;
  readonly involvedObject: { readonly kind: string; readonly name: string; readonly apiVersion: string };
  readonly series?: { readonly count: number };
}

/** The Events `kubectl describe pod` shows: selected by the pod's uid. */
async function described(namespace: string, name: string): Promise<CoreEvent[]> {
  const { api } = stage.kube;
  const { metadata } = await api.get<KubeObject>(`/api/v1/namespaces/${namespace}/pods/${name}`);
  const selector = `involvedObject.uid=${metadata.uid},involvedObject.name=${name}`;
  const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=${encodeURIComponent(selector)}`;
  return (await api.get<KubeList<CoreEvent>>(path)).items.filter(
    ({ reportingComponent }) => reportingComponent === 'kube-registrar.io/registrar',
  );
}

test('a pod says where it is in Consul', async () => {
  const ns = await stage.namespace('told');
  await ns.addPod('web-0', { service: 'web', port: 'http' });
  await stage.allPassing('web', 1);
  await stage.eventually('the pod has its Event', async () => {
    const [event, ...more] = await described('told', 'web-0');
    assert.deepEqual(more, []);
    assert.deepEqual([event?.type, event?.reason], ['Normal', 'Registered']);
    assert.match(
      event!.message,
      /^Registered in Consul as service "web" at .+:8080 on node "prod-.+" after \d+ ms$/,
    );
    assert.equal(event!.involvedObject.apiVersion, 'v1');
  });
});

test('a pod says why it is not in Consul, and a mistake made again counts in the series of the first', async () => {
  const ns = await stage.namespace('mistaken');
  await ns.addPod('web-0', { service: 'oops', port: 'htp' });
  const counted = (count: number) =>
    stage.eventually(`the mistake is told ${count} times`, async () => {
      const events = await described('mistaken', 'web-0');
      const mistakes = events.filter(({ reason }) => reason === 'InvalidAnnotation');
      assert.equal(mistakes.length, 1);
      assert.match(mistakes[0]!.message, /did you mean "http"\? \(annotation kube-registrar\.io\/port\)$/);
      assert.equal(mistakes[0]!.series?.count ?? 1, count);
    });
  await counted(1);
  await ns.annotatePod('web-0', { port: 'http' });
  await stage.allPassing('oops', 1);
  await ns.annotatePod('web-0', { port: 'htp' });
  await counted(2);
  await ns.annotatePod('web-0', { service: null });
  await stage.gone('oops');
  await stage.eventually('the pod says that it was taken out', async () => {
    const reasons = (await described('mistaken', 'web-0')).map(({ reason }) => reason);
    assert.ok(reasons.includes('Deregistered'));
  });
  assert.equal(await stage.operator.metric('kube_registrar_events_dropped_total{because="forbidden"}'), 0);
});
