/** The shared examples, read by the operator's grammar; test/e2e/install-admission.test.ts has the other half. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeDeclarations } from '../../src/desired/declarations.ts';
import { annotationExamples } from '../support/annotation-examples.ts';

const places = {
  podName: 'web',
  podNamespace: 'shop',
  podLabels: { app: 'web', version: 'v2' },
  nodeName: 'node',
  nodeZone: 'zone',
  nodeRegion: 'region',
  clusterName: 'cluster',
};

describe('the grammar', () => {
  for (const { title, on = 'Pod', annotations, refused, doubted } of annotationExamples) {
    const verdict = refused === undefined ? 'accepts' : 'refuses';
    test(`${verdict} ${title}`, () => {
      const { mistakes } = describeDeclarations({ kind: on, name: 'web', annotations }, places);
      const fieldsOf = (severity: string) =>
        mistakes.filter((mistake) => mistake.severity === severity).map(({ field }) => field);
      assert.deepEqual([...new Set(fieldsOf('error'))], refused === undefined ? [] : [refused]);
      assert.deepEqual(fieldsOf('warning'), doubted === undefined ? [] : [doubted]);
    });
  }

  test('has every title once', () => {
    const titles = annotationExamples.map(({ title }) => title);
    assert.equal(new Set(titles).size, titles.length);
  });
});
