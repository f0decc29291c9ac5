import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { serialize } from 'node:v8';
import type { V1Pod } from '@kubernetes/client-node';
import { isSafe } from 'redos-detector';
import {
  hostilePod,
  hostilePods,
  hostileService,
  pieces,
  prefix,
  valuesOf,
} from '../../test/support/hostile-objects.ts';
import { operations } from '../../test/support/operations.ts';
import { createDesired } from '../desired/desired.ts';
import { fields } from '../desired/fields.ts';
import { createLabelRules } from '../desired/label-rules.ts';
import { clusterUid } from '../model/keys.ts';
import type { PodRecord } from '../model/pod.ts';
import { InternPool } from './store/intern-pool.ts';
import { podProjection } from './store/project-pod.ts';
import { serviceProjection } from './store/project-service.ts';

/** All that is done with a pod between its arrival and the plan, with nothing remembered from before. */
function workOn(pod: V1Pod) {
  const record = podProjection(prefix, new InternPool())(pod);
  return { record, node: desiredOf(record) };
}

function desiredOf(record: PodRecord) {
  const desired = createDesired({
    clusterName: 'c1',
    clusterUid: clusterUid('uid'),
    namespaced: true,
    probes: { deregisterCriticalAfterMs: 60_000 },
    naming: { template: '{namespace}-{name}', explicit: true },
    labelRules: createLabelRules({
      toTags: [{ label: '*a*/*', tag: '{name}={value}' }],
      toMeta: [{ label: '*', key: '{key}' }],
    })!,
  });
  return desired('n1', {
    kubeNode: () => undefined,
    pod: () => record,
    departedPod: () => undefined,
    unreachedServices: () => [],
    slicesOfService: () => [],
    wholeServices: () => [],
    servicesOnEveryNode: () => [],
    readiness: () => undefined,
    namespaceProblems: () => [],
    routes: () => [],
    gateway: () => undefined,
    podsOnNode: () => [record],
    service: () => undefined,
    endpointsOnNode: () => [],
  });
}

/** Hostile pods that grow with `size`. */
const named = (size: number) => Object.entries(hostilePods(size));
/** Every field with a value of every piece. */
const longValues = (length: number) =>
  pieces.flatMap((piece) => valuesOf(piece, length).map((annotations) => hostilePod(annotations)));

/** A pod of a template takes some hundreds. */
const mostOperations = 250_000;

describe('the work for one object', () => {
  for (const [name, pod] of named(1)) {
    test(`is bounded, in operations: ${name}`, async () => {
      const large = hostilePods(4)[name]!;
      const once = await operations(() => void workOn(pod));
      assert.ok(once > 100, 'it is measured');
      assert.ok(once <= mostOperations, `${once} operations`);
      const four = await operations(() => void workOn(large));
      assert.ok(four <= mostOperations, `${four} operations at four times the size`);
    });
  }

  test('grows at most in proportion to the length of texts, in operations', async () => {
    const [short, long] = [longValues(1_000), longValues(4_000)];
    const small = await operations(() => void short.map(workOn));
    const large = await operations(() => void long.map(workOn));
    assert.ok(large <= 4 * small, `${small} operations, of four times as long texts ${large}`);
    assert.ok(large <= 20_000 * long.length, `${large} operations for ${long.length} objects`);
  });

  test('leaves at most 20 problems, and how many more', () => {
    for (const [, pod] of named(1)) assert.ok(workOn(pod).node.problems.length <= 21);
  });

  test('leaves a record of at most 64 KB', () => {
    for (const pod of [...named(1).map(([, each]) => each), ...longValues(20_000)]) {
      const { length } = serialize(workOn(pod).record);
      assert.ok(length <= 65_536, `${JSON.stringify(pod.metadata).slice(0, 300)}: ${length} bytes`);
    }
  });
});

describe('every pattern that is applied to what a tenant writes', () => {
  test('is of linear time', () => {
    const seen = new Map<string, RegExp>();
    const { exec } = RegExp.prototype;
    // All of JavaScript's ways to apply a pattern come by here once it is not the built-in one.
    RegExp.prototype.exec = function (this: RegExp, text: string) {
      seen.set(String(this), this);
      return exec.call(this, text);
    };
    try {
      for (const pod of [...named(1).map(([, each]) => each), ...longValues(300)]) workOn(pod);
      const project = serviceProjection(prefix, new InternPool());
      for (const piece of pieces) {
        for (const annotations of valuesOf(piece, 300)) project(hostileService(annotations));
      }
      for (const value of [
        'web',
        'http://a:1/x',
        '/x',
        '1m30s',
        '8080',
        'a:1',
        '[::1]:1',
        'a:1/b',
        'a_b',
        '-a-',
      ]) {
        workOn(hostilePod({ ...Object.fromEntries(fields.map((name) => [name, value])), 'meta.a_b': value }));
      }
    } finally {
      RegExp.prototype.exec = exec;
    }
    assert.ok(seen.size > 15, `${seen.size} patterns are seen`);
    // Those of Node's isIP() are long, but every repetition in them is bounded or at the end.
    const others = [...seen.values()].filter(({ source }) => !source.includes('25[0-5]|2[0-4]'));
    const options = { timeout: Number.POSITIVE_INFINITY, maxSteps: 5_000 };
    assert.deepEqual(others.filter((pattern) => !isSafe(pattern, options).safe).map(String), []);
  });
});
