import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InternPool } from './intern-pool.ts';
import { podProjection } from './project-pod.ts';

describe('podProjection()', () => {
  test('keeps the host port that leads to a container port, and none where there is none', () => {
    const project = podProjection('kube-registrar.io/', new InternPool());
    const { ports } = project({
      metadata: { name: 'a', namespace: 'default', uid: '1' },
      spec: {
        containers: [
          {
            name: 'a',
            ports: [
              { name: 'http', containerPort: 80, hostPort: 8080, hostIP: '10.0.0.1' },
              { containerPort: 81, hostPort: 81, hostIP: '127.0.0.1' },
            ],
          },
        ],
      },
    });
    assert.deepEqual(ports, [
      { name: 'http', port: 80, protocol: 'TCP', hostPort: 8080 },
      { name: '', port: 81, protocol: 'TCP' },
    ]);
  });

  test('knows when a pod was created', () => {
    const project = podProjection('kube-registrar.io/', new InternPool());
    const created = (creationTimestamp?: string) =>
      project(JSON.parse(JSON.stringify({ metadata: { creationTimestamp } }))).createdAt;
    assert.equal(created('2026-01-01T00:00:01Z'), Date.UTC(2026, 0, 1, 0, 0, 1));
    assert.equal(created(), 0);
  });

  test('knows since when a pod is Ready: not at all while it is not, from ever when nobody says', () => {
    const project = podProjection('kube-registrar.io/', new InternPool());
    const since = (status: string, lastTransitionTime?: string) =>
      project(
        JSON.parse(
          JSON.stringify({ status: { conditions: [{ type: 'Ready', status, lastTransitionTime }] } }),
        ),
      ).readySince;
    assert.equal(since('True', '2026-01-01T00:00:01Z'), Date.UTC(2026, 0, 1, 0, 0, 1));
    assert.equal(since('True'), 0);
    assert.equal(since('False', '2026-01-01T00:00:01Z'), undefined);
    assert.equal(project({}).readySince, undefined);
  });
});
