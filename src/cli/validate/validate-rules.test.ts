import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { validateWith } from '../../../test/support/run-validate.ts';

const annotated = (
  apiVersion: string,
  kind: string,
  labels: string,
  spec: string,
) => `apiVersion: ${apiVersion}
kind: ${kind}
metadata:
  name: shop-front
  namespace: shop
  labels: ${labels}
  annotations:
    kube-registrar.io/service: "true"
spec: ${spec}
`;

const manifests = [
  ['v1', 'Service', '{ ports: [{ port: 80 }] }'],
  ['networking.k8s.io/v1', 'Ingress', '{ rules: [{ host: shop.example }] }'],
  ['gateway.networking.k8s.io/v1', 'HTTPRoute', '{ parentRefs: [{ name: edge }] }'],
  ['gateway.networking.k8s.io/v1', 'GRPCRoute', '{ parentRefs: [{ name: edge }] }'],
  ['gateway.networking.k8s.io/v1alpha2', 'TLSRoute', '{ parentRefs: [{ name: edge }] }'],
] as const;

describe('kube-registrar validate, with rules in the configuration', () => {
  for (const [api, kind, spec] of manifests) {
    test(`says which labels of an object of kind ${kind} are denied`, async () => {
      const rules = {
        labels: { toMeta: [{ label: '*' }] },
        metaRules: [{ namespaces: ['shop'], deny: ['team'] }],
      };
      const { lines, exitCode } = await validateWith(
        rules,
        annotated(api, kind, '{ team: a, app: b }', spec),
      );
      assert.deepEqual(lines, [
        `<stdin>:1:1: ${kind}/shop-front: warning: meta key "team" of label "team" is left out: the configuration denies "team" to namespace "shop"`,
      ]);
      assert.equal(exitCode, 0);
    });

    test(`checks the name that the template makes for an object of kind ${kind}`, async () => {
      const template = `${'a'.repeat(50)}-{namespace}-{name}`;
      const { lines } = await validateWith({ naming: { template } }, annotated(api, kind, '{}', spec));
      assert.equal(lines.length, 1);
      assert.match(lines[0]!, /:8:5: .*: service: service "shop-front" becomes "a{50}-.* it has 66\); write/);
    });
  }
});
