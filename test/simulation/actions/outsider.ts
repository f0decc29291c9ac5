import type { NodeService } from '../../../src/sandbox/consul/rows.ts';
import { catalogOf, stampOf } from '../catalog.ts';
import { type Action, at, type Step } from '../script.ts';
import type { World } from '../world.ts';

/** A node of the cluster of the step as Consul holds it. */
function ownNode(world: World, { cluster, x }: Step) {
  const { uid } = world.clusters[cluster]!;
  return at(
    [...catalogOf(world.consul).values()].filter(({ entry }) => stampOf(entry) === uid),
    x,
  );
}

function ownInstance(
  world: World,
  step: Step,
): { readonly node: string; readonly service: NodeService } | undefined {
  const node = ownNode(world, step);
  const instance = at([...(node?.instances.values() ?? [])], step.y);
  return instance && { node: instance.node, service: instance.entry };
}

/** An action on one of the operator's instances. */
const onInstance =
  (change: (world: World, node: string, service: NodeService, step: Step) => string | undefined): Action =>
  (world, step) => {
    const found = ownInstance(world, step);
    if (found === undefined) return undefined;
    return `${found.service.ID} ${change(world, found.node, found.service, step) ?? ''}`;
  };

const removeInstance = onInstance((world, node, { ID }) => {
  world.consul.outsider.removeService(node, ID);
  return undefined;
});

const removeCheck = onInstance((world, node, { ID }) => {
  world.consul.outsider.removeCheck(node, `${ID}:readiness`);
  return undefined;
});

const flip = onInstance((world, node, { ID }, { forMs }) => {
  const { outsider } = world.consul;
  const check = outsider.checks(node).find(({ ServiceID }) => ServiceID === ID);
  if (check === undefined) return 'has no check';
  outsider.putCheck({
    ...check,
    Status: check.Status === 'passing' ? (forMs % 2 ? 'critical' : 'warning') : 'passing',
  });
  return check.CheckID;
});

const edits: readonly ((service: NodeService) => Partial<NodeService>)[] = [
  () => ({ Tags: ['edited'] }),
  () => ({ Address: '203.0.113.9' }),
  () => ({ Port: 1 }),
  ({ Meta }) => ({ Meta: { ...Meta, edited: 'yes' } }),
  () => ({ Weights: { Passing: 7, Warning: 7 } }),
];

const edit = onInstance((world, node, service, { forMs }) => {
  const change = at(edits, (forMs % 100) / 100)!(service);
  const {
    Kind: _,
    Proxy: __,
    Connect: ___,
    PeerName: ____,
    CreateIndex: _____,
    ModifyIndex: ______,
    ...fields
  } = service;
  world.consul.outsider.putService(node, { ...fields, ...change });
  return JSON.stringify(change);
});

const removeNode: Action = (world, step) => {
  const name = ownNode(world, step)?.entry.Node;
  if (name !== undefined) world.consul.outsider.removeNode(name);
  return name;
};

/** What `catalog/register` without NodeMeta does: the node loses its stamp. */
const wipeMeta: Action = (world, step) => {
  const name = ownNode(world, step)?.entry.Node;
  if (name !== undefined)
    world.consul.outsider.putNode({ Node: name, Meta: step.y < 0.5 ? null : { other: 'meta' } });
  return name;
};

const nodeCheck: Action = (world, step) => {
  const node = ownNode(world, step);
  const name = node?.entry.Node;
  if (name === undefined || !node?.checks.some(({ CheckID }) => CheckID === 'kubernetes-node'))
    return undefined;
  if (step.y < 0.5) world.consul.outsider.removeCheck(name, 'kubernetes-node');
  else world.consul.outsider.putCheck({ Node: name, CheckID: 'kubernetes-node', Status: 'critical' });
  return `${name} ${step.y < 0.5 ? 'removed' : 'critical'}`;
};

/** Somebody else's service on a node of ours, with a check of its own. */
const foreignService: Action = (world, step) => {
  const name = ownNode(world, step)?.entry.Node;
  if (name === undefined) return undefined;
  const { outsider } = world.consul;
  outsider.putService(name, { ID: 'foreign-service', Service: 'foreign', Address: '203.0.113.1', Port: 1 });
  outsider.putCheck({
    Node: name,
    CheckID: 'foreign-check',
    Status: 'passing',
    ServiceID: 'foreign-service',
    ServiceName: 'foreign',
  });
  return name;
};

/** Somebody else's check on an instance of ours. */
const foreignCheck = onInstance((world, node, { ID, Service }) => {
  world.consul.outsider.putCheck({
    Node: node,
    CheckID: `foreign-${ID}`,
    Status: 'passing',
    ServiceID: ID,
    ServiceName: Service,
  });
  return undefined;
});

/** A whole node of somebody else, beside ours. */
const foreignNode: Action = (world, { x }) => {
  const { outsider } = world.consul;
  const meta = x < 0.5 ? null : { 'managed-by': 'kube-registrar', 'kube-cluster-uid': 'another-cluster' };
  outsider.putNode({ Node: 'foreign-node', Address: '203.0.113.2', Meta: meta });
  outsider.putService('foreign-node', {
    ID: 'foreign-web',
    Service: 'web',
    Address: '203.0.113.2',
    Port: 80,
  });
  return x < 0.5 ? 'without a stamp' : 'of another cluster';
};

/** A node of somebody else under a name we need or will need. */
const collision: Action = (world, { cluster: index, x, y, forMs }) => {
  const cluster = world.clusters[index]!;
  const kubeNode = at(cluster.nodes(), x)?.metadata.name;
  const name = `${cluster.name}-${kubeNode}`;
  const { outsider } = world.consul;
  if (kubeNode === undefined || catalogOf(world.consul).has(name)) return undefined;
  const owners = [
    null,
    { 'managed-by': 'somebody' },
    { 'managed-by': 'kube-registrar', 'kube-cluster-uid': 'another-cluster' },
  ];
  cluster.wasTakenOver = true;
  outsider.putNode({ Node: name, Address: '203.0.113.3', Meta: at(owners, y)! });
  outsider.putService(name, { ID: 'foreign-web', Service: 'web', Address: '203.0.113.3', Port: 80 });
  world.after(forMs, () => outsider.removeNode(name));
  return `${name} for ${forMs} ms`;
};

/** A Consul agent joins under the name of a node of ours. Consul itself reaps the node when it is no member. */
const agentJoins: Action = (world, step) => {
  const name = ownNode(world, step)?.entry.Node;
  if (name === undefined) return undefined;
  const { outsider } = world.consul;
  world.clusters[step.cluster]!.wasTakenOver = true;
  outsider.putCheck({ Node: name, CheckID: 'serfHealth', Status: 'passing' });
  world.after(step.forMs, () => outsider.removeCheck(name, 'serfHealth'));
  return `${name} for ${step.forMs} ms`;
};

export const outsider = {
  'drift-remove-instance': removeInstance,
  'drift-remove-check': removeCheck,
  'drift-flip': flip,
  'drift-edit': edit,
  'drift-remove-node': removeNode,
  'drift-wipe-meta': wipeMeta,
  'drift-node-check': nodeCheck,
  'foreign-service': foreignService,
  'foreign-check': foreignCheck,
  'foreign-node': foreignNode,
  collision,
  'agent-joins': agentJoins,
} satisfies Record<string, Action>;
