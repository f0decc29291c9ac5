import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { desired, entry, instance, observed, owner, readiness } from '../../test/support/entries.ts';
import { nodeCheck } from '../model/check.ts';
import { consulNodeName } from '../model/keys.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import type { NodeEntry } from '../model/node-entry.ts';
import type { PlanInput } from './plan.ts';
import { type PreviewOptions, previewHolds } from './preview.ts';

const names = ['n1', 'n2'].map(consulNodeName);

/** A cluster whose nodes are all cut off and whose pods are all there. */
const options: PreviewOptions = {
  owner,
  view: {
    pod: () => undefined,
    service: () => undefined,
    slicesOfService: () => [],
    kubeNode: (name) => kubeNode('', name),
    route: () => undefined,
    gateway: () => undefined,
    pods: { records: () => [] },
    kubeNodes: { size: 2, get: kubeNode, records: () => names.map((name) => kubeNode('', name)) },
  },
  nodesKnown: true,
  removals: { enabled: true, minimum: 1, ratio: 0 },
  health: { enabled: true, ratio: 0.5, nodeRatio: 0.3, minimumNodes: 2 },
};

function kubeNode(_namespace: '', name: string): KubeNodeRecord {
  return {
    ...{ uid: name, name, resourceVersion: '1', internalIps: [], externalIps: [] },
    ...{ ready: 'Unknown', reason: '', message: '', zone: '', region: '' },
  };
}

const checks = (status: 'passing' | 'critical') => [{ ...nodeCheck, status, output: '' }];

/** Each node has an instance that passes and would become critical with its node. */
function losing(of: Partial<NodeEntry> = {}): PlanInput[] {
  return names.map((name) => {
    const failed = instance(name, { checks: [readiness(name, 'critical')] });
    return {
      desired: desired(entry([failed], { name, checks: checks('critical') })),
      observed: observed(entry([instance(name)], { name, checks: checks('passing'), ...of })),
    };
  });
}

const ids = (inputs: PlanInput[]) =>
  previewHolds(inputs, options).map(({ what, because, at }) => [what, because, at.instance]);

describe('previewHolds()', () => {
  test('holds the health of instances whose nodes are all lost at once', () => {
    assert.deepEqual(ids(losing()), [
      ['health', 'panic', 'n1'],
      ['health', 'panic', 'n2'],
    ]);
  });

  test('also holds it on nodes whose own check another program removed, as the guard does', () => {
    assert.deepEqual(ids(losing({ checks: [] })), ids(losing()));
  });

  test('holds removals above the limit that nothing explains', () => {
    const gone = names.map((name) => ({
      desired: desired(entry([], { name })),
      observed: observed(entry([instance(name)], { name })),
    }));
    assert.deepEqual(ids(gone), [
      ['removal', 'limit', 'n1'],
      ['removal', 'limit', 'n2'],
    ]);
  });
});
