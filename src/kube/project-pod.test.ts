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
          { name: 'a', ports: [{ name: 'http', containerPort: 80, hostPort: 8080 }, { containerPort: 81 }] },
        ],
      },
    });
    assert.deepEqual(ports, [
      { name: 'http', port: 80, protocol: 'TCP', hostPort: 8080 },
      { name: '', port: 81, protocol: 'TCP' },
    ]);
  });
});
