import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KubeClient } from './kube-client.ts';
import { type ContractContext, podBody, podsIn } from './kube-contract.ts';

const reviews = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

const reviewOf = (resourceAttributes: Record<string, string>) => ({
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SelfSubjectAccessReview',
  spec: { resourceAttributes },
});

export function accessContract(context: ContractContext): void {
  const limited = () => new KubeClient(context.server.limited);

  describe('access', () => {
    test('a token nobody has: 401 Unauthorized', async () => {
      const stranger = new KubeClient(context.server.stranger);
      assert.deepEqual(await stranger.refused(401, 'GET', '/api/v1/pods'), {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'Unauthorized',
        reason: 'Unauthorized',
        code: 401,
      });
    });

    test('a right that is missing: 403 Forbidden, saying who cannot do what where', async () => {
      const cluster = await limited().refused(403, 'GET', '/api/v1/pods');
      assert.deepEqual(cluster, {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message:
          'pods is forbidden: User "limited" cannot list resource "pods" in API group "" at the cluster scope',
        reason: 'Forbidden',
        details: { kind: 'pods' },
        code: 403,
      });
      const write = await limited().refused(403, 'POST', podsIn('default'), podBody('web'));
      assert.equal(
        write.message,
        'pods is forbidden: User "limited" cannot create resource "pods" in API group "" in the namespace "default"',
      );
      const status = await limited().refused(403, 'PUT', `${podsIn('default')}/web/status`, podBody('web'));
      assert.equal(
        status.message,
        'pods "web" is forbidden: User "limited" cannot update resource "pods/status" in API group "" in the' +
          ' namespace "default"',
      );
      const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
      const watch = await limited().refused(403, 'GET', `${slices}?watch=true`);
      assert.equal(
        watch.message,
        'endpointslices.discovery.k8s.io is forbidden: User "limited" cannot watch resource "endpointslices" in API' +
          ' group "discovery.k8s.io" in the namespace "default"',
      );
    });

    test('a right that is given works', async () => {
      const list = await limited().get(podsIn('default'));
      assert.equal(list.kind, 'PodList');
    });

    test('a SelfSubjectAccessReview tells what is allowed', async () => {
      const ask = async (client: KubeClient, attributes: Record<string, string>) => {
        const review = await client.create(reviews, reviewOf(attributes));
        assert.equal(review.kind, 'SelfSubjectAccessReview');
        return review.status['allowed'];
      };
      assert.equal(await ask(context.client, { verb: 'list', resource: 'pods' }), true);
      assert.equal(await ask(limited(), { verb: 'list', resource: 'pods', namespace: 'default' }), true);
      assert.equal(await ask(limited(), { verb: 'list', resource: 'pods' }), false);
      assert.equal(await ask(limited(), { verb: 'delete', resource: 'pods', namespace: 'default' }), false);
      assert.equal(
        await ask(limited(), { verb: 'list', resource: 'pods', subresource: 'status', namespace: 'default' }),
        false,
      );
    });

    test('a review that asks nothing is refused: 422', async () => {
      const failure = await context.client.refused(422, 'POST', reviews, {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: {},
      });
      assert.equal(failure.reason, 'Invalid');
    });
  });
}
