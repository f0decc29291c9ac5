import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pod, service } from '../../test/support/cluster-records.ts';
import { podText, requestTexts } from './object-text.ts';

describe('podText()', () => {
  test('says where a pod runs, or why it cannot be registered', () => {
    assert.equal(podText(pod()), 'runs on node n1, 10.0.0.1, ready');
    assert.match(podText(pod({ deleting: true })), /, terminating$/);
    assert.match(podText(pod({ ready: false, reason: 'X', message: 'y' })), /, not ready: X: y$/);
    assert.match(podText(pod({ ips: [] })), /^runs on node n1 and has no address yet/);
    assert.match(podText(pod({ node: '' })), /^is not scheduled/);
    assert.match(podText(pod({ phase: 'Succeeded' })), /^has ended \(Succeeded\)/);
  });
});

describe('requestTexts()', () => {
  const texts = (record: Parameters<typeof requestTexts>[0], ...askedBy: string[]) =>
    requestTexts(record, [], askedBy, 'p/');

  test('names the annotations and the Services that ask', () => {
    const annotations = { service: 'web', port: 'http' };
    assert.deepEqual(texts(pod({ annotations }), 'Service shop/web'), [
      'asks with its annotations:',
      '  p/port: "http"',
      '  p/service: "web"',
      'is asked for by Service shop/web',
    ]);
  });

  test('says when nothing asks, and when asking is switched off', () => {
    assert.deepEqual(texts(pod({ annotations: {} })), [
      'nothing asks for it: neither it nor a Service in front of it has the annotation p/service',
    ]);
    const off = { service: 'false' };
    assert.equal(
      texts(pod({ annotations: off }), 'Service shop/web').at(-1),
      'p/service is "false": neither its own annotations nor a Service asks for it',
    );
    assert.equal(texts(service({ annotations: off })).at(-1), 'p/service is "false": it asks for nothing');
  });
});
