import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Body, KubeClient } from './kube-client.ts';
import { type ContractContext, podBody, podsIn } from './kube-contract.ts';

/** As `kubectl get` asks. */
const tableType = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

interface Table {
  readonly kind: string;
  readonly metadata: { readonly resourceVersion?: string };
  readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
  readonly rows: readonly {
    readonly cells: readonly unknown[];
    readonly object: { readonly kind: string; readonly metadata: { readonly name: string } };
  }[];
}

const tableAt = async (client: KubeClient, path: string): Promise<Table> => {
  const answer = await client.call('GET', path, undefined, undefined, tableType);
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text) as Table;
};

/** The cells that are printed without `-o wide`. */
const printed = ({ columnDefinitions, rows }: Table) =>
  rows.map(({ cells }) =>
    Object.fromEntries(
      columnDefinitions.flatMap(({ name, priority }, index) =>
        priority === 0 ? [[name, cells[index]]] : [],
      ),
    ),
  );

const deploymentBody = (replicas: number) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'web' }] },
    },
  },
});

/** What kubectl needs beyond what the operator does. */
export function kubectlContract(context: ContractContext): void {
  describe('for kubectl', () => {
    test('a list and an object are tables where a client prefers those', async () => {
      const pods = podsIn(await context.namespace());
      await context.client.create(pods, podBody('web-1'));
      const list = await tableAt(context.client, pods);
      assert.equal(list.kind, 'Table');
      assert.match(list.metadata.resourceVersion ?? '', /^\d+$/);
      const [row] = printed(list);
      assert.deepEqual(Object.keys(row ?? {}), ['Name', 'Ready', 'Status', 'Restarts', 'Age']);
      assert.deepEqual([row?.['Name'], row?.['Ready'], row?.['Status']], ['web-1', '0/1', 'Pending']);
      assert.match(String(row?.['Age']), /^\d+s$/);
      const { kind, metadata } = list.rows[0]!.object;
      assert.deepEqual([kind, metadata.name], ['PartialObjectMetadata', 'web-1']);
      const [one] = printed(await tableAt(context.client, `${pods}/web-1?includeObject=Object`));
      assert.equal(one?.['Name'], 'web-1');
    });

    test('events of a watch are tables too', async () => {
      const pods = podsIn(await context.namespace());
      await context.client.create(pods, podBody('web-1'));
      await using watch = await context.client.watch(pods, tableType);
      const { type, object } = await watch.event();
      assert.equal(type, 'ADDED');
      assert.equal(printed(object as unknown as Table)[0]?.['Name'], 'web-1');
    });

    test('the scale of a Deployment is read, replaced and patched', async () => {
      const deployments = `/apis/apps/v1/namespaces/${await context.namespace()}/deployments`;
      await context.client.create(deployments, deploymentBody(2));
      const path = `${deployments}/web/scale`;
      const scale = await context.client.get(path);
      assert.deepEqual([scale.kind, scale.apiVersion], ['Scale', 'autoscaling/v1']);
      assert.deepEqual([scale.spec['replicas'], scale.status['selector']], [2, 'app=web']);
      const patched = await context.client.patch(path, { spec: { replicas: 3 } }, 'merge');
      assert.equal(patched.spec['replicas'], 3);
      const stale: Body = { ...scale, spec: { replicas: 4 } };
      await context.client.refused(409, 'PUT', path, stale);
      // A real server's controllers change the Deployment meanwhile.
      const { name, namespace } = patched.metadata;
      const unconditional = { ...patched, metadata: { name, namespace }, spec: { replicas: 4 } };
      const replaced = await context.client.update(path, unconditional);
      assert.equal(replaced.spec['replicas'], 4);
      assert.equal((await context.client.get(`${deployments}/web`)).spec['replicas'], 4);
    });

    test('discovery names the scale of Deployments, what is in the category all, and the reviews of rights', async () => {
      const named = async (path: string) =>
        ((await context.client.get(path))['resources'] as readonly Readonly<Record<string, unknown>>[]).map(
          ({ name, kind, group }) => [name, kind, group].filter(Boolean).join(' '),
        );
      assert.ok((await named('/apis/apps/v1')).includes('deployments/scale Scale autoscaling'));
      const { resources } = (await context.client.get('/api/v1')) as unknown as {
        readonly resources: readonly { readonly name: string; readonly categories?: readonly string[] }[];
      };
      const all = resources.filter(({ categories }) => categories?.includes('all')).map(({ name }) => name);
      for (const name of ['pods', 'services']) assert.ok(all.includes(name), name);
      const reviews = await named('/apis/authorization.k8s.io/v1');
      assert.ok(reviews.includes('selfsubjectaccessreviews SelfSubjectAccessReview'));
    });

    test('the log of a pod is a subresource that discovery names; that of an absent pod is not found', async () => {
      const { resources } = (await context.client.get('/api/v1')) as unknown as {
        readonly resources: readonly { readonly name: string }[];
      };
      for (const part of ['log', 'exec', 'attach', 'portforward'])
        assert.ok(
          resources.some(({ name }) => name === `pods/${part}`),
          part,
        );
      const pods = podsIn(await context.namespace());
      const failure = await context.client.refused(404, 'GET', `${pods}/absent/log`);
      assert.equal(failure.message, 'pods "absent" not found');
    });

    test('OpenAPI says for a kind that the server looks after its fields', async () => {
      const root = await context.client.get('/openapi/v3');
      const paths = root['paths'] as Readonly<Record<string, { readonly serverRelativeURL: string }>>;
      for (const [group, path] of [
        ['api/v1', '/api/v1/namespaces/{namespace}/pods/{name}'],
        ['apis/apps/v1', '/apis/apps/v1/namespaces/{namespace}/deployments/{name}'],
      ] as const) {
        const document = await context.client.get(paths[group]!.serverRelativeURL);
        const { patch } = (document['paths'] as Readonly<Record<string, { readonly patch: Patch }>>)[path]!;
        assert.ok(
          patch.parameters.some(({ name }) => name === 'fieldValidation'),
          path,
        );
      }
    });

    test('a body in protobuf is refused where it is not understood, and never misread', async () => {
      const pods = podsIn(await context.namespace());
      const answer = await context.client.call('POST', pods, 'k8s\0', 'application/vnd.kubernetes.protobuf');
      assert.ok(answer.status >= 400 && answer.status < 500, answer.text);
    });
  });
}

interface Patch {
  readonly parameters: readonly { readonly name?: string }[];
}
