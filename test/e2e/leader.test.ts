/** Two replicas on real servers: one writes, and the other takes over in time, whatever became of the first. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, beforeEach, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { instances, readiness } from '../support/real/consul-reads.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { type Kubelet, startKubelet } from '../support/real/kubelet.ts';
import { type Link, openLink } from '../support/real/link.ts';
import {
  installRbac,
  type OperatorProcess,
  operatorIdentity,
  startOperator,
} from '../support/real/operator.ts';
import { Namespace } from '../support/real/workloads.ts';

interface LeaseRecord {
  readonly spec: {
    readonly holderIdentity: string;
    readonly renewTime: string;
    readonly leaseTransitions: number;
  };
}

const leaseMs = 15_000;
const leasePath = '/apis/coordination.k8s.io/v1/namespaces/kube-registrar/leases/kube-registrar';

let kube: Kube;
let consul: Consul;
let kubelet: Kubelet;
let replicas: readonly Replica[];
let ns: Namespace;
let pods = 0;
const started = new AsyncDisposableStack();

interface Replica {
  readonly name: string;
  readonly process: OperatorProcess;
  readonly toKube: Link;
  readonly toConsul: Link;
}

before(async () => {
  [kube, consul] = await Promise.all([startKube(), startConsul()]);
  started.use(kube);
  started.use(consul);
  await installRbac(kube);
  kubelet = started.use(await startKubelet(kube.api));
  replicas = [await replica('a'), await replica('b')];
  for (const { process } of replicas) await process.ready();
  ns = await Namespace.create(kube.api, 'shop');
});

after(() => started.disposeAsync());

/** Both run, and one of them leads. */
beforeEach(async () => {
  for (const { process } of replicas) {
    if (!process.running) await process.start();
    await process.ready();
  }
  await addPod();
});

async function replica(name: string): Promise<Replica> {
  const toKube = started.use(await openLink(kube.url));
  const toConsul = started.use(await openLink(consul.url));
  const kubeconfig = await kube.kubeconfigFor(operatorIdentity);
  await writeFile(kubeconfig, (await readFile(kubeconfig, 'utf8')).replaceAll(kube.url, toKube.url));
  const process = await startOperator({
    config: {
      cluster: { name: 'prod' },
      kubernetes: { kubeconfig },
      consul: { addresses: [toConsul.url] },
      leaderElection: { enabled: true, namespace: operatorIdentity.namespace },
    },
    env: { POD_NAME: name },
  });
  started.use(process);
  return { name, process, toKube, toConsul };
}

const leaseOf = (): Promise<LeaseRecord> => kube.api.get<LeaseRecord>(leasePath);

/** Who leads now and who stands by. */
async function roles(): Promise<{ leader: Replica; standby: Replica }> {
  const { spec } = await leaseOf();
  const leader = replicas.find(({ name }) => spec.holderIdentity.startsWith(`${name}_`));
  const standby = replicas.find((each) => each !== leader);
  assert.ok(leader && standby, `${spec.holderIdentity} leads`);
  return { leader, standby };
}

async function addPod(): Promise<string> {
  const name = `web-${pods++}`;
  await ns.addPod(name, { service: 'web', port: 'http' });
  return name;
}

/** Resolves when the pod's instance has this status; with the time it was seen. */
async function shown(pod: string, status: string): Promise<number> {
  return eventually(
    async () => {
      const entries = await instances(consul, 'web');
      const entry = entries.find(({ Service }) => Service.Meta['kube-pod'] === pod);
      assert.ok(entry, `${pod} is not registered`);
      assert.equal(readiness(entry)?.Status, status);
      return Date.now();
    },
    { timeoutMs: 60_000, intervalMs: 10, what: `${pod} is ${status}` },
  );
}

async function state({ process }: Replica): Promise<string> {
  return (await process.status()).leadership.state;
}

suite('two replicas', () => {
  test('one leads, the other is ready and stands by', async (t) => {
    const { leader, standby } = await roles();
    await shown(await addPod(), 'passing');
    assert.equal(await state(leader), 'leading');
    assert.equal(await state(standby), 'standby');
    assert.equal((await leader.process.status()).leadership.fenced, true);
    assert.equal(await leader.process.metric('kube_registrar_leader'), 1);
    assert.equal(await standby.process.metric('kube_registrar_leader'), 0);
    assert.ok((await standby.process.readyz()).ok);
    t.diagnostic(`the lease: ${JSON.stringify((await leaseOf()).spec)}`);
  });

  test('SIGTERM: the lease is given back and the other writes within a second', async (t) => {
    const { leader, standby } = await roles();
    await shown(await addPod(), 'passing');
    const at = Date.now();
    const stopped = leader.process.stop();
    const seen = await shown(await addPod(), 'passing');
    assert.equal(await stopped, 0);
    const elected = standby.process.logs('LeaderElected').at(-1)!;
    const handOver = Date.parse(elected.time) - at;
    t.diagnostic(`SIGTERM to the successor's election: ${handOver} ms, to its first write: ${seen - at} ms`);
    assert.ok(seen - at < 1_000, `${seen - at} ms`);
  });

  test("SIGKILL: the other writes within 3 s of the lease's end", async (t) => {
    const { leader, standby } = await roles();
    await shown(await addPod(), 'passing');
    await leader.process.kill();
    const { spec } = await leaseOf();
    const end = Date.parse(spec.renewTime) + leaseMs;
    const seen = await shown(await addPod(), 'passing');
    const elected = Date.parse(standby.process.logs('LeaderElected').at(-1)!.time);
    t.diagnostic(`elected ${elected - end} ms after the end of the lease, written ${seen - end} ms after it`);
    assert.ok(seen - end < 3_000, `${seen - end} ms`);
    const now = (await leaseOf()).spec;
    assert.ok(now.holderIdentity.startsWith(`${standby.name}_`));
    assert.equal(now.leaseTransitions, spec.leaseTransitions + 1);
  });

  test('paused for 60 s with a write on its way: what arrives late is refused, and it stands by', async (t) => {
    const { leader, standby } = await roles();
    const pod = await addPod();
    await shown(pod, 'passing');
    // The leader's write is on its way when everything of it stops.
    leader.toConsul.freeze();
    kubelet.setUnready('shop', pod);
    await eventually(async () => assert.equal((await leader.process.status()).queue.inFlight, 1), {
      timeoutMs: 9_000,
    });
    leader.process.pause();
    const pausedAt = Date.now();
    const losses = leader.process.logs('LeadershipLost').length;
    const elections = standby.process.logs('LeaderElected').length;
    await shown(pod, 'critical');
    t.diagnostic(`the successor wrote ${Date.now() - pausedAt} ms after the pause began`);
    assert.equal(standby.process.logs('LeaderElected').length, elections + 1);
    kubelet.setReady('shop', pod);
    await shown(pod, 'passing');
    await eventually(() => Date.now() - pausedAt >= 60_000, { timeoutMs: 61_000, intervalMs: 500 });
    leader.toConsul.thaw();
    leader.process.resume();
    await eventually(async () => assert.equal(await state(leader), 'standby'), { timeoutMs: 5_000 });
    assert.ok((await fetch(`${leader.process.url}/healthz`)).ok);
    assert.equal(leader.process.logs('LeadershipLost').length, losses + 1);
    // Whatever the old leader still had to say has been said when the next change is through.
    const later = await addPod();
    await shown(later, 'passing');
    const entries = await instances(consul, 'web');
    const entry = entries.find(({ Service }) => Service.Meta['kube-pod'] === pod);
    assert.equal(readiness(entry!)?.Status, 'passing', 'the late write changed nothing');
    assert.equal(await state(standby), 'leading');
  });

  test('cut off from Kubernetes: it stops by itself, the other leads, and it comes back as standby', async (t) => {
    const { leader, standby } = await roles();
    await shown(await addPod(), 'passing');
    leader.toKube.freeze();
    const at = Date.now();
    const seen = await shown(await addPod(), 'passing');
    const lost = Date.parse(leader.process.logs('LeadershipLost').at(-1)!.time) - at;
    t.diagnostic(`the cut-off leader stopped after ${lost} ms, the other wrote after ${seen - at} ms`);
    assert.ok(lost <= 10_500, `${lost} ms`);
    assert.ok(seen - at <= leaseMs + 3_000, `${seen - at} ms`);
    assert.equal(await state(standby), 'leading');
    leader.toKube.thaw();
    await eventually(async () => assert.equal(await state(leader), 'standby'), { timeoutMs: 30_000 });
    await standby.process.stop();
    await shown(await addPod(), 'passing');
    assert.equal(await state(leader), 'leading');
  });
});
