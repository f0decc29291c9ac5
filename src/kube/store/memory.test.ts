import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { hostilePod, prefix } from '../../../test/support/hostile-objects.ts';
import { createDesired } from '../../desired/desired.ts';
import { clusterUid } from '../../model/keys.ts';
import type { PodRecord } from '../../model/pod.ts';
import { InternPool } from './intern-pool.ts';
import { podProjection } from './project-pod.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Megabytes that are in use when all garbage is gone. */
function heapMb(): number {
  for (let round = 0; round < 3; round += 1) collect();
  return process.memoryUsage().heapUsed / 1e6;
}

describe('memory', () => {
  const patches: [name: string, annotations: (index: number, text: string) => Record<string, string>][] = [
    ['an unknown annotation', (_, text) => ({ service: 'web', junk: text })],
    ['a known annotation', (_, text) => ({ service: 'web', maintenance: text })],
    ['meta keys', (index, text) => ({ service: 'web', [`meta.k${index}`]: text.slice(0, 600) })],
    ['unknown names', (index) => ({ service: 'web', [`k${index}`.padEnd(60, 'x')]: '' })],
    ['services', (index, text) => ({ services: `- service: web-${index}\n# ${text.slice(0, 8_000)}` })],
    ['services that are too long', (_, text) => ({ services: text })],
  ];
  for (const [name, annotations] of patches) {
    test(`stays as it was after 600 patches of 250 KB in ${name} of one pod`, () => {
      const project = podProjection(prefix, new InternPool());
      const options = { clusterName: 'c1', clusterUid: clusterUid('uid'), namespaced: true };
      const desired = createDesired(options);
      let latest: PodRecord | undefined;
      const view = {
        kubeNode: () => undefined,
        pod: () => latest,
        departedPod: () => undefined,
        podsOnNode: () => (latest === undefined ? [] : [latest]),
        service: () => undefined,
        endpointsOnNode: () => [],
        unreachedServices: () => [],
        slicesOfService: () => [],
        wholeServices: () => [],
        servicesOnEveryNode: () => [],
        readiness: () => undefined,
        namespaceProblems: () => [],
        routes: () => [],
        gateway: () => undefined,
      };
      const patch = (index: number) => {
        const text = `${index} `.padEnd(250_000, 'x');
        // As the watch delivers it: every text is a new one.
        latest = project(JSON.parse(JSON.stringify(hostilePod(annotations(index, text)))));
        desired('n1', view);
      };
      patch(0);
      const before = heapMb();
      for (let index = 1; index <= 600; index += 1) patch(index);
      const grown = heapMb() - before;
      // Pools and what is remembered of lists are bounded; kept whole, the texts would be 150 MB.
      assert.ok(grown < 32, `${grown.toFixed(1)} MB more`);
      assert.ok(latest !== undefined);
    });
  }
});
