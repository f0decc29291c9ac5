import { loadStep } from './load-step.ts';
import { type InstanceView, passingOf, type ServiceView, sameView } from './service-view.ts';
import type { Baseline, Stage } from './stage.ts';
import type { Expectation, Step } from './step.ts';
import { deploymentOf, type LoadSize, namespace, serviceOf, type Workload } from './workloads.ts';

/** The reason a kubelet gives on the pod's condition Ready; the probe's own words are only in its Events. */
const notReady = 'ContainersNotReady';
const lostNode = 'node-2';
const idleMs = 2_000;

/** What the demo shows, in its order; with a load as the third step, if there is any. */
export function scenarioOf(load: LoadSize): readonly Step[] {
  return load.services === 0 ? scenario : scenario.toSpliced(2, 0, loadStep(load));
}

export const scenario: readonly Step[] = [
  {
    id: 'start',
    title: 'The operator starts',
    explain:
      'It lists pods, Services, EndpointSlices and nodes, and reads everything of its own in Consul. Until ' +
      'both are complete it writes nothing.',
    deadlineMs: 10_000,
    act: (stage) => stage.startOperator(),
    expect: (stage) => {
      const [missing] = stage.operator.notReady();
      return [{ text: missing ?? 'initial sync complete', met: missing === undefined }];
    },
    finding: written,
  },
  {
    id: 'pods-come-up',
    title: 'Six pods come up',
    explain:
      'Four carry the annotation kube-registrar.io/service, two stand behind a Service that does. Each is ' +
      'registered with its address, and passes once it is Ready.',
    measures: 'propagation',
    deadlineMs: 15_000,
    act: ({ cluster, workloads: { web, search } }) => {
      cluster.create(deploymentOf(web, 'v1'), 'deployments.apps');
      cluster.create(deploymentOf(search, 'v1'), 'deployments.apps');
      cluster.create(serviceOf(search), 'services');
    },
    expect: everythingPasses,
    finding: (stage, before) => `6 instances, ${written(stage, before)}`,
  },
  {
    id: 'rollout',
    title: 'A rollout from v1 to v2',
    explain:
      'The Deployment replaces its pods two at a time; new ones pass before old ones leave. The tag is the ' +
      'label "version" of the pod.',
    measures: 'propagation',
    deadlineMs: 30_000,
    act: (stage) => stage.replaceDeployment(deploymentOf(stage.workloads.web, 'v2')),
    expect: (stage) => {
      const { web } = stage.workloads;
      const view = stage.view(web);
      const old = view.filter(({ tags }) => !tags.includes('v2')).length;
      const fewest = stage.fewestPassing(web);
      return [
        passing(stage, web, web.replicas),
        { text: `no instance of v1 left (${old} now)`, met: old === 0 },
        {
          text: `never fewer than ${web.replicas} passing (fewest: ${fewest})`,
          met: fewest >= web.replicas,
        },
      ];
    },
    finding: (stage) => `never fewer than ${stage.fewestPassing(stage.workloads.web)} passing`,
  },
  {
    id: 'probe-fails',
    title: 'A readiness probe fails',
    explain:
      'The pod stays registered and turns critical, with the reason as the output of its check: DNS and ' +
      'health queries leave it out.',
    measures: 'propagation',
    deadlineMs: 5_000,
    act: (stage) => {
      const { pod } = firstOf(stage, stage.workloads.web);
      stage.cluster.kubelets.setReadiness(namespace, pod, { ready: false });
    },
    expect: (stage) => {
      const { web } = stage.workloads;
      const isShown = stage.view(web).some(({ reason }) => reason.includes(notReady));
      return [
        passing(stage, web, web.replicas - 1),
        { text: `one critical, and Consul says why: ${notReady}`, met: isShown },
      ];
    },
    finding: (stage, before) => `1 instance, ${written(stage, before)}`,
  },
  {
    id: 'probe-recovers',
    title: 'The probe succeeds again',
    explain: 'Back into traffic, as soon as Kubernetes says Ready.',
    measures: 'propagation',
    deadlineMs: 5_000,
    act: (stage) => {
      const failing = stage.view(stage.workloads.web).find(({ status }) => status !== 'passing');
      if (failing !== undefined) {
        stage.cluster.kubelets.setReadiness(namespace, failing.pod, { ready: true });
      }
    },
    expect: everythingPasses,
    finding: (stage, before) => `1 instance, ${written(stage, before)}`,
  },
  {
    id: 'node-lost',
    title: 'A node is lost',
    explain:
      `${lostNode} falls silent. The operator waits a second for others to follow (it would hold a mass loss), ` +
      'then takes out all instances there by one write.',
    measures: 'propagation',
    deadlineMs: 5_000,
    act: (stage) => stage.loseNode(lostNode),
    expect: (stage) => {
      const inside = onLostNode(stage);
      const left = inside.filter(({ status }) => status === 'passing').length;
      return [
        {
          text: `none of the ${inside.length} instances on ${lostNode} passing (${left} now)`,
          met: inside.length > 0 && left === 0,
        },
      ];
    },
    finding: (stage, before) => `${counted(onLostNode(stage).length, 'instance')}, ${written(stage, before)}`,
  },
  {
    id: 'node-returns',
    title: 'The node returns',
    explain: 'Nothing was removed, so nothing has to be registered again: one write brings all of them back.',
    measures: 'propagation',
    deadlineMs: 5_000,
    act: (stage) => stage.cluster.nodes.recover(lostNode),
    expect: everythingPasses,
    finding: (stage, before) => `${counted(onLostNode(stage).length, 'instance')}, ${written(stage, before)}`,
  },
  {
    id: 'all-nodes-lost',
    title: 'All nodes are lost at once',
    explain:
      'They are probably cut off from the control plane, and their pods still serve. The loss of health is held: ' +
      'consumers keep every instance.',
    deadlineMs: 10_000,
    act: (stage) => {
      for (const { metadata } of stage.kube.store.list('nodes')) stage.loseNode(metadata.name);
    },
    expect: (stage) => [
      {
        text: `the health of ${stage.nodes} nodes held (${heldNodes(stage)} now)`,
        met: heldNodes(stage) === stage.nodes,
      },
      ...everythingPasses(stage),
    ],
    finding: (stage, before) => `health of ${stage.nodes} nodes held, ${written(stage, before)}`,
  },
  {
    id: 'all-nodes-return',
    title: 'All nodes return',
    explain: 'The hold ends by itself. Nobody who asks Consul has noticed anything.',
    deadlineMs: 10_000,
    act: (stage) => {
      for (const { metadata } of stage.kube.store.list('nodes')) stage.cluster.nodes.recover(metadata.name);
    },
    expect: (stage) => [
      { text: `nothing held (${heldNodes(stage)} nodes now)`, met: heldNodes(stage) === 0 },
      ...everythingPasses(stage),
    ],
    finding: written,
  },
  {
    id: 'outsider-edits',
    title: 'An outsider edits an entry',
    explain:
      'A script with too many rights gives an instance a wrong port in Consul. The operator notices, writes ' +
      'it back, and logs the drift.',
    measures: 'repair',
    deadlineMs: 10_000,
    act: (stage, signal) => {
      const { service, id } = firstOf(stage, stage.workloads.web);
      return stage.outsider.edit(service, id, { Port: 1 }, signal);
    },
    expect: (stage, before) => [asBefore(stage, before, stage.workloads.web)],
    finding: () => 'repaired and logged',
  },
  {
    id: 'outsider-removes',
    title: 'An outsider removes an entry',
    explain: 'An instance is deregistered by hand. It is still wanted, so it is registered again.',
    measures: 'repair',
    deadlineMs: 10_000,
    act: (stage, signal) => {
      const { service, id } = firstOf(stage, stage.workloads.search);
      return stage.outsider.remove(service, id, signal);
    },
    expect: (stage, before) => [asBefore(stage, before, stage.workloads.search)],
    finding: () => 'repaired and logged',
  },
  {
    id: 'idle',
    title: 'Nothing happens',
    explain: 'What is right already is never written. An idle cluster costs Consul a few reads.',
    deadlineMs: 10_000,
    act: () => {},
    expect: (stage, before) => [
      { text: `${idleMs / 1_000} s pass`, met: stage.now - before.at >= idleMs },
      {
        text: `no write to Consul (${stage.writes.operations - before.writes.operations} operations now)`,
        met: stage.writes.operations === before.writes.operations,
      },
      ...everythingPasses(stage),
    ],
    finding: (stage, before) => `${written(stage, before)} in ${idleMs / 1_000} s`,
  },
];

function everythingPasses(stage: Stage): readonly Expectation[] {
  return Object.values(stage.workloads).map((workload: Workload) =>
    passing(stage, workload, workload.replicas),
  );
}

/** Exactly `count` instances pass, and there are no others than the replicas. */
function passing(stage: Stage, workload: Workload, count: number): Expectation {
  const view = stage.view(workload);
  const now = passingOf(view);
  return {
    text: `${workload.service}: ${count} of ${workload.replicas} passing (${now} of ${view.length} now)`,
    met: now === count && view.length === workload.replicas,
  };
}

/** A consumer received an answer after the outsider's change, and its view is as before. */
function asBefore(stage: Stage, before: Baseline, { service }: Workload): Expectation {
  const { view, index } = stage.consumers.get(service)!;
  const isNewer = index > (before.indexes.get(service) ?? 0);
  return {
    text: `${service} is as it was before`,
    met: isNewer && sameView(before.views.get(service) ?? [], view),
  };
}

/** Nodes whose loss of health is held. */
const heldNodes = ({ operator }: Stage): number =>
  new Set(operator.status().held.flatMap(({ what, node }) => (what === 'health' ? [node] : []))).size;

const onLostNode = (stage: Stage): ServiceView =>
  Object.values(stage.workloads)
    .flatMap((workload: Workload) => stage.view(workload))
    .filter(({ node }) => node === lostNode);

function firstOf(stage: Stage, workload: Workload): InstanceView {
  const [first] = stage.view(workload);
  if (first === undefined) throw new Error(`${workload.service} has no instance`);
  return first;
}

/** What the operator wrote since: `2 operations`. A transaction holds one or more of them. */
function written(stage: Stage, { writes }: Baseline): string {
  const operations = stage.writes.operations - writes.operations;
  if (operations === 0) return 'no write';
  return counted(operations, 'operation');
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
