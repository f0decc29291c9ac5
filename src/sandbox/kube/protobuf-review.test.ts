import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { readText } from '../../lib/transport.ts';
import { KubeApi } from './kube-api.ts';
import { reviewInProtobuf } from './protobuf-review.ts';

const field = (number: number, value: string): string =>
  String.fromCharCode(number * 8 + 2, value.length) + value;
const enveloped = (object: string): string =>
  `k8s\0${field(1, field(1, 'authorization.k8s.io/v1') + field(2, 'SelfSubjectAccessReview'))}${field(2, object)}${field(3, '')}${field(4, '')}`;

describe('reviewInProtobuf()', () => {
  test('reads what kubectl auth can-i asks', () => {
    const asked = [
      field(1, 'shop'),
      field(2, 'get'),
      field(3, 'apps'),
      field(4, '*'),
      field(5, 'deployments'),
    ];
    const review = field(1, field(1, '')) + field(2, field(1, asked.join('')));
    assert.deepEqual(reviewInProtobuf(enveloped(review)), {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: {
        resourceAttributes: {
          namespace: 'shop',
          verb: 'get',
          group: 'apps',
          version: '*',
          resource: 'deployments',
        },
      },
    });
  });

  test('is answered by the API server as in JSON', async () => {
    const api = new KubeApi({ clock: systemClock, random: Math.random });
    api.access.addToken('t', 'reader');
    api.access.grant('reader', [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }]);
    const allowed = async (verb: string) => {
      const review = field(2, field(1, field(2, verb) + field(5, 'pods')));
      const response = await api.transport().request({
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        headers: { Authorization: 'Bearer t', 'Content-Type': 'application/vnd.kubernetes.protobuf' },
        body: enveloped(review),
        signal: AbortSignal.timeout(10_000),
      });
      return [response.status, JSON.parse(await readText(response)).status?.allowed];
    };
    assert.deepEqual(await allowed('get'), [201, true]);
    assert.deepEqual(await allowed('list'), [201, false]);
  });

  test('is nothing for what it cannot read', () => {
    const review = field(2, field(1, field(2, 'get')));
    const whole = enveloped(review);
    const broken = ['', 'k8s\0', '{}', whole.slice(0, 60), whole.replace('\0', ''), enveloped(field(1, ''))];
    for (const body of [...broken, enveloped('\u0008\u0001'), enveloped('\u0012\ufffd')]) {
      assert.equal(reviewInProtobuf(body), undefined, JSON.stringify(body));
    }
  });
});
