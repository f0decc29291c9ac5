import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ContractContext, podBody, podsIn } from './kube-contract.ts';

export function writeContract(context: ContractContext): void {
  describe('create', () => {
    test('fills in uid, resourceVersion, creationTimestamp, generation and the first status', async () => {
      const namespace = await context.namespace();
      const pod = await context.client.create(podsIn(namespace), podBody('web', { app: 'web' }));
      assert.equal(pod.kind, 'Pod');
      assert.equal(pod.apiVersion, 'v1');
      assert.equal(pod.metadata.namespace, namespace);
      assert.match(pod.metadata.uid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.match(pod.metadata.resourceVersion, /^[1-9]\d*$/);
      assert.match(pod.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.equal(pod.metadata.generation, context.podGeneration(1));
      assert.equal(pod.status['phase'], 'Pending');
      assert.equal(pod.spec['restartPolicy'], 'Always');
      assert.equal(pod.spec['terminationGracePeriodSeconds'], 30);
      assert.deepEqual(await context.client.get(`${podsIn(namespace)}/web`), pod);
    });

    test('drops the status of a pod', async () => {
      const namespace = await context.namespace();
      const draft = { ...(podBody('web') as object), status: { phase: 'Running', podIP: '10.0.0.1' } };
      const pod = await context.client.create(podsIn(namespace), draft);
      assert.equal(pod.status['phase'], 'Pending');
      assert.equal(pod.status['podIP'], undefined);
    });

    test('makes a name from generateName', async () => {
      const namespace = await context.namespace();
      const { metadata: _, ...rest } = podBody('') as { metadata: object };
      const pod = await context.client.create(podsIn(namespace), {
        ...rest,
        metadata: { generateName: 'web-' },
      });
      assert.match(pod.metadata.name, /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    });

    test('refuses a name that is taken: 409 AlreadyExists', async () => {
      const namespace = await context.namespace();
      await context.client.create(podsIn(namespace), podBody('web'));
      const failure = await context.client.refused(409, 'POST', podsIn(namespace), podBody('web'));
      assert.equal(failure.reason, 'AlreadyExists');
      assert.equal(failure.message, 'pods "web" already exists');
      assert.deepEqual(failure.details, { name: 'web', kind: 'pods' });
    });

    test('refuses an object without its required fields: 422 Invalid with a cause for each', async () => {
      const namespace = await context.namespace();
      const draft = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { containers: [] } };
      const failure = await context.client.refused(422, 'POST', podsIn(namespace), draft);
      assert.equal(failure.reason, 'Invalid');
      assert.match(failure.message, /^Pod "web" is invalid: spec\.containers: Required value/);
      assert.deepEqual(failure.details, {
        name: 'web',
        kind: 'Pod',
        causes: [{ reason: 'FieldValueRequired', message: 'Required value', field: 'spec.containers' }],
      });
    });

    test('refuses a name that is none, and no name at all: 422', async () => {
      const namespace = await context.namespace();
      const malformed = await context.client.refused(422, 'POST', podsIn(namespace), podBody('Not_A_Name'));
      assert.match(
        malformed.message,
        /^Pod "Not_A_Name" is invalid: metadata\.name: Invalid value: "Not_A_Name": a lowercase RFC 1123/,
      );
      const missing = await context.client.refused(422, 'POST', podsIn(namespace), podBody(''));
      assert.match(missing.message, /metadata\.name: Required value: name or generateName is required/);
    });

    test('refuses a namespace that does not exist: 404', async () => {
      const failure = await context.client.refused(404, 'POST', podsIn('no-such-namespace'), podBody('web'));
      assert.equal(failure.message, 'namespaces "no-such-namespace" not found');
      assert.deepEqual(failure.details, { name: 'no-such-namespace', kind: 'namespaces' });
    });

    test('refuses an object that names another namespace: 400', async () => {
      const namespace = await context.namespace();
      const draft = { ...(podBody('web') as object), metadata: { name: 'web', namespace: 'default' } };
      const failure = await context.client.refused(400, 'POST', podsIn(namespace), draft);
      assert.equal(failure.reason, 'BadRequest');
      assert.match(
        failure.message,
        /^the namespace of the provided object does not match the namespace sent on the request/,
      );
    });

    test('refuses an object of another kind and a body that is no JSON: 400', async () => {
      const namespace = await context.namespace();
      const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } };
      assert.equal(
        (await context.client.refused(400, 'POST', podsIn(namespace), service)).reason,
        'BadRequest',
      );
      assert.equal(
        (await context.client.refused(400, 'POST', podsIn(namespace), '{"kind":')).reason,
        'BadRequest',
      );
    });

    test('refuses an object that has a resourceVersion', async () => {
      const namespace = await context.namespace();
      const draft = { ...(podBody('web') as object), metadata: { name: 'web', resourceVersion: '1' } };
      const failure = await context.client.refused(500, 'POST', podsIn(namespace), draft);
      assert.match(failure.message, /resourceVersion should not be set on objects to be created/);
    });
  });

  describe('get', () => {
    test('of what does not exist: 404 NotFound, with the group where there is one', async () => {
      const namespace = await context.namespace();
      const pod = await context.client.refused(404, 'GET', `${podsIn(namespace)}/none`);
      assert.deepEqual(pod, {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'pods "none" not found',
        reason: 'NotFound',
        details: { name: 'none', kind: 'pods' },
        code: 404,
      });
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/none`;
      const deployment = await context.client.refused(404, 'GET', path);
      assert.equal(deployment.message, 'deployments.apps "none" not found');
      assert.deepEqual(deployment.details, { name: 'none', group: 'apps', kind: 'deployments' });
    });

    test('of a resource the server does not know: 404', async () => {
      const failure = await context.client.refused(404, 'GET', '/api/v1/unicorns');
      assert.equal(failure.message, 'the server could not find the requested resource');
      assert.equal((await context.client.call('GET', '/apis/none.example.com/v1/unicorns')).status, 404);
    });
  });

  describe('update', () => {
    test('replaces the object and counts its version up', async () => {
      const namespace = await context.namespace();
      const pod = await context.client.create(podsIn(namespace), podBody('web'));
      const labelled = { ...pod, metadata: { ...pod.metadata, labels: { app: 'web' } } };
      const updated = await context.client.update(`${podsIn(namespace)}/web`, labelled);
      assert.deepEqual(updated.metadata.labels, { app: 'web' });
      assert.equal(updated.metadata.uid, pod.metadata.uid);
      assert.notEqual(updated.metadata.resourceVersion, pod.metadata.resourceVersion);
      assert.equal(updated.metadata.generation, context.podGeneration(1));
    });

    test('with an old resourceVersion is refused: 409 Conflict', async () => {
      const namespace = await context.namespace();
      const pod = await context.client.create(podsIn(namespace), podBody('web'));
      const labelled = { ...pod, metadata: { ...pod.metadata, labels: { app: 'web' } } };
      await context.client.update(`${podsIn(namespace)}/web`, labelled);
      const failure = await context.client.refused(409, 'PUT', `${podsIn(namespace)}/web`, pod);
      assert.equal(failure.reason, 'Conflict');
      assert.equal(
        failure.message,
        'Operation cannot be fulfilled on pods "web": the object has been modified; please apply your changes to' +
          ' the latest version and try again',
      );
      assert.deepEqual(failure.details, { name: 'web', kind: 'pods' });
    });

    test('with another uid is refused: 409 Conflict', async () => {
      const namespace = await context.namespace();
      const pod = await context.client.create(podsIn(namespace), podBody('web'));
      const uid = '00000000-0000-4000-8000-000000000000';
      const other = { ...pod, metadata: { ...pod.metadata, uid } };
      const failure = await context.client.refused(409, 'PUT', `${podsIn(namespace)}/web`, other);
      assert.equal(failure.reason, 'Conflict');
      assert.match(
        failure.message,
        new RegExp(`UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`),
      );
    });

    test('that changes nothing leaves the resourceVersion as it is', async () => {
      const namespace = await context.namespace();
      const pod = await context.client.create(podsIn(namespace), podBody('web'));
      const updated = await context.client.update(`${podsIn(namespace)}/web`, pod);
      assert.equal(updated.metadata.resourceVersion, pod.metadata.resourceVersion);
    });

    test('of a pod that does not exist: 404; a lease is created by it', async () => {
      const namespace = await context.namespace();
      const pod = await context.client.refused(404, 'PUT', `${podsIn(namespace)}/web`, podBody('web'));
      assert.equal(pod.reason, 'NotFound');
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
      const answer = await context.client.call('PUT', `${leases}/new`, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'new' },
        spec: { holderIdentity: 'me' },
      });
      assert.equal(answer.status, 201, answer.text);
    });

    test('cannot move a pod to another image list or node', async () => {
      const namespace = await context.namespace();
      const pod = await context.client.create(podsIn(namespace), podBody('web'));
      const moved = { ...pod, spec: { ...pod.spec, restartPolicy: 'Never' } };
      const failure = await context.client.refused(422, 'PUT', `${podsIn(namespace)}/web`, moved);
      assert.match(
        failure.message,
        /^Pod "web" is invalid: spec: Forbidden: pod updates may not change fields other than/,
      );
    });
  });

  describe('status subresource', () => {
    test('changes the status only, and the main endpoint everything but', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      const pod = await context.client.create(podsIn(namespace), podBody('web'));
      const running = {
        ...pod,
        status: { ...pod.status, phase: 'Running', podIP: '10.0.0.7', podIPs: [{ ip: '10.0.0.7' }] },
      };
      const afterMain = await context.client.update(path, running);
      assert.equal(afterMain.status['phase'], 'Pending');
      const afterStatus = await context.client.update(`${path}/status`, running);
      assert.equal(afterStatus.status['phase'], 'Running');
      assert.equal(afterStatus.status['podIP'], '10.0.0.7');
      assert.equal(afterStatus.metadata.generation, context.podGeneration(1));
      const relabelled = {
        ...afterStatus,
        metadata: { ...afterStatus.metadata, labels: { a: 'b' } },
        status: {},
      };
      const last = await context.client.update(path, relabelled);
      assert.equal(last.status['phase'], 'Running');
      assert.deepEqual(last.metadata.labels, { a: 'b' });
    });

    test('does not change the spec', async () => {
      const namespace = await context.namespace();
      const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const made = await context.client.create(deployments, deploymentBody('web', 2));
      // Without a resourceVersion: a real cluster's controller writes to it too.
      const changed = {
        ...made,
        metadata: { name: 'web' },
        spec: { ...made.spec, replicas: 9 },
        status: { replicas: 5 },
      };
      const updated = await context.client.update(`${deployments}/web/status`, changed);
      assert.equal(updated.spec['replicas'], 2);
      assert.equal(updated.status['replicas'], 5);
      assert.equal(updated.metadata.generation, 1);
    });
  });

  describe('generation', () => {
    test('counts changes of the spec, not of metadata', async () => {
      const namespace = await context.namespace();
      const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const made = await context.client.create(deployments, deploymentBody('web', 2));
      assert.equal(made.metadata.generation, 1);
      const labelled = await context.client.patch(
        `${deployments}/web`,
        { metadata: { labels: { a: 'b' } } },
        'merge',
      );
      assert.equal(labelled.metadata.generation, 1);
      const scaled = await context.client.patch(`${deployments}/web`, { spec: { replicas: 3 } }, 'merge');
      assert.equal(scaled.metadata.generation, 2);
    });
  });

  describe('delete', () => {
    test('of a pod without a node takes effect at once and shows the pod', async () => {
      const namespace = await context.namespace();
      await context.client.create(podsIn(namespace), podBody('web'));
      const deleted = await context.client.delete(`${podsIn(namespace)}/web`);
      assert.equal(deleted.kind, 'Pod');
      await context.client.refused(404, 'GET', `${podsIn(namespace)}/web`);
      await context.client.refused(404, 'DELETE', `${podsIn(namespace)}/web`);
    });

    test('of a scheduled pod marks it, and grace 0 removes it', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      await context.client.create(podsIn(namespace), podBody('web', {}, { nodeName: 'node-1' }));
      const marked = await context.client.delete(path);
      assert.equal(marked.metadata.deletionGracePeriodSeconds, 30);
      assert.match(marked.metadata.deletionTimestamp ?? '', /^\d{4}-/);
      assert.deepEqual(await context.client.get(path), marked);
      await context.client.delete(path, { gracePeriodSeconds: 0 });
      await context.client.refused(404, 'GET', path);
    });

    test('takes the grace from the query or the body, and again only to shorten it', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      await context.client.create(podsIn(namespace), podBody('web', {}, { nodeName: 'node-1' }));
      const first = await context.client.delete(`${path}?gracePeriodSeconds=20`);
      assert.equal(first.metadata.deletionGracePeriodSeconds, 20);
      const longer = await context.client.delete(path, { gracePeriodSeconds: 25 });
      assert.equal(longer.metadata.deletionGracePeriodSeconds, 20);
      const shorter = await context.client.delete(path, { gracePeriodSeconds: 10 });
      assert.equal(shorter.metadata.deletionGracePeriodSeconds, 10);
    });

    test('of anything else shows a Status that names it', async () => {
      const namespace = await context.namespace();
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
      const lease = await context.client.create(leases, { metadata: { name: 'one' }, spec: {} });
      const deleted = await context.client.delete(`${leases}/one`);
      assert.equal(deleted.kind, 'Status');
      assert.deepEqual(deleted['status'], 'Success');
      assert.deepEqual(deleted['details'], {
        name: 'one',
        group: 'coordination.k8s.io',
        kind: 'leases',
        uid: lease.metadata.uid,
      });
    });

    test('waits for finalizers; the update that removes the last one removes the object', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      const draft = podBody('web') as { metadata: object };
      const metadata = { ...draft.metadata, finalizers: ['example.com/wait'] };
      await context.client.create(podsIn(namespace), { ...draft, metadata });
      const marked = await context.client.delete(path);
      assert.ok(marked.metadata.deletionTimestamp);
      assert.deepEqual(marked.metadata.finalizers, ['example.com/wait']);
      await context.client.patch(path, { metadata: { finalizers: null } }, 'merge');
      await context.client.refused(404, 'GET', path);
    });

    test('obeys preconditions on uid and resourceVersion: 409', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      const pod = await context.client.create(podsIn(namespace), podBody('web'));
      const uid = '00000000-0000-4000-8000-000000000000';
      const byUid = await context.client.refused(409, 'DELETE', path, { preconditions: { uid } });
      assert.equal(byUid.reason, 'Conflict');
      assert.match(
        byUid.message,
        /the UID in the precondition \(.*\) does not match the UID in record \(.*\)\. The object might have been deleted and then recreated$/,
      );
      const byVersion = await context.client.refused(409, 'DELETE', path, {
        preconditions: { resourceVersion: '1' },
      });
      assert.equal(byVersion.reason, 'Conflict');
      const { uid: own, resourceVersion } = pod.metadata;
      await context.client.delete(path, { preconditions: { uid: own, resourceVersion } });
    });

    test('of a collection removes what the selector matches', async () => {
      const namespace = await context.namespace();
      for (const [name, app] of [
        ['a', 'x'],
        ['b', 'x'],
        ['c', 'y'],
      ] as const) {
        await context.client.create(podsIn(namespace), podBody(name, { app }));
      }
      await context.client.delete(`${podsIn(namespace)}?labelSelector=app%3Dx`);
      const left = await context.client.get(podsIn(namespace));
      assert.deepEqual(
        left.items.map((pod) => pod.metadata.name),
        ['c'],
      );
    });
  });

  describe('binding', () => {
    test('gives a pod its node, once', async () => {
      const namespace = await context.namespace();
      const path = `${podsIn(namespace)}/web`;
      await context.client.create(podsIn(namespace), podBody('web'));
      const binding = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: 'web' },
        target: { apiVersion: 'v1', kind: 'Node', name: 'node-1' },
      };
      const bound = await context.client.create(`${path}/binding`, binding);
      assert.equal(bound['status'], 'Success');
      const pod = await context.client.get(path);
      assert.equal(pod.spec['nodeName'], 'node-1');
      const conditions = pod.status['conditions'] as { type: string; status: string }[];
      assert.equal(conditions.find(({ type }) => type === 'PodScheduled')?.status, 'True');
      const again = await context.client.refused(409, 'POST', `${path}/binding`, binding);
      assert.match(again.message, /pod web is already assigned to node "node-1"$/);
    });
  });
}

export function deploymentBody(name: string, replicas: number): unknown {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image: 'example.com/main:1' }] },
      },
    },
  };
}
