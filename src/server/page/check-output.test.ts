import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownOutput } from './check-output.ts';

test("the answer that a probe got, and its URL's query, are not for everybody", () => {
  const output =
    'HTTP GET http://10.0.0.1:8080/health?key=s3cret: 500 Internal Server Error Output: password=s3cret';
  assert.equal(
    shownOutput({ type: 'http', output }),
    'HTTP GET http://10.0.0.1:8080/health?…: 500 Internal Server Error',
  );
  assert.equal(
    shownOutput({ type: 'tcp', output: 'TCP connect 10.0.0.1:80: Success' }),
    'TCP connect 10.0.0.1:80: Success',
  );
});

test("the reasons of Kubernetes' own conditions are shown, up to a length", () => {
  const output = 'ContainersNotReady: why? Output: unknown';
  assert.equal(shownOutput({ type: 'kubernetes-readiness', output }), output);
  assert.equal(shownOutput({ type: 'kubernetes-node', output: 'x'.repeat(1_000) }).length, 501);
});
