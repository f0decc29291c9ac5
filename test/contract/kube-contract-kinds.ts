import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Body } from './kube-client.ts';
import { type ContractContext, podBody, podsIn } from './kube-contract.ts';

export function kindsContract(context: ContractContext): void {
  describe('leases', () => {
    const leaseBody = (holderIdentity: string) => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'leader' },
      spec: {
        holderIdentity,
        leaseDurationSeconds: 15,
        acquireTime: '2026-01-01T00:00:00.000000Z',
        renewTime: '2026-01-01T00:00:00.000000Z',
        leaseTransitions: 0,
      },
    });

    test('of two updates of one version the second is refused: 409', async () => {
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${await context.namespace()}/leases`;
      const lease = await context.client.create(leases, leaseBody('one'));
      const held = (holderIdentity: string) => ({ ...lease, spec: { ...lease.spec, holderIdentity } });
      const taken = await context.client.update(`${leases}/leader`, held('two'));
      assert.equal(taken.spec['holderIdentity'], 'two');
      const failure = await context.client.refused(409, 'PUT', `${leases}/leader`, held('three'));
      assert.equal(
        failure.message,
        'Operation cannot be fulfilled on leases.coordination.k8s.io "leader": the object has been modified; please' +
          ' apply your changes to the latest version and try again',
      );
      assert.deepEqual(failure.details, { name: 'leader', group: 'coordination.k8s.io', kind: 'leases' });
    });

    test('an update without a resourceVersion is refused: 422', async () => {
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${await context.namespace()}/leases`;
      await context.client.create(leases, leaseBody('one'));
      const failure = await context.client.refused(422, 'PUT', `${leases}/leader`, leaseBody('two'));
      assert.match(
        failure.message,
        /metadata\.resourceVersion: Invalid value: .*must be specified for an update/,
      );
    });

    test('times keep their microseconds', async () => {
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${await context.namespace()}/leases`;
      const body = leaseBody('one');
      const lease = await context.client.create(leases, {
        ...body,
        spec: { ...body.spec, renewTime: '2026-01-01T00:00:00.123456Z' },
      });
      assert.equal(lease.spec['renewTime'], '2026-01-01T00:00:00.123456Z');
    });
  });

  describe('events', () => {
    const eventBody = (namespace: string) => ({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'web.1', namespace },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'example.com/controller',
      reportingInstance: 'controller-1',
      action: 'Register',
      reason: 'Registered',
      type: 'Normal',
      regarding: { apiVersion: 'v1', kind: 'Pod', namespace, name: 'web', uid: 'u-1' },
      note: 'registered as web',
    });

    test('written as events.k8s.io/v1 are read as core/v1, and back', async () => {
      const namespace = await context.namespace();
      const events = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
      await context.client.create(events, eventBody(namespace));
      const core = await context.client.get(`/api/v1/namespaces/${namespace}/events/web.1`);
      assert.equal(core.apiVersion, 'v1');
      assert.equal((core['involvedObject'] as { name: string }).name, 'web');
      assert.equal(core['message'], 'registered as web');
      assert.equal(core['reportingComponent'], 'example.com/controller');
      const own = await context.client.get(`${events}/web.1`);
      assert.equal(own.apiVersion, 'events.k8s.io/v1');
      assert.equal(own['note'], 'registered as web');
      assert.equal((own['regarding'] as { name: string }).name, 'web');
    });

    test('core events select by the object they are about', async () => {
      const namespace = await context.namespace();
      await context.client.create(
        `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
        eventBody(namespace),
      );
      const events = `/api/v1/namespaces/${namespace}/events`;
      const about = (name: string) =>
        context.client.get(
          `${events}?${new URLSearchParams({ fieldSelector: `involvedObject.name=${name}` })}`,
        );
      assert.equal((await about('web')).items.length, 1);
      assert.equal((await about('other')).items.length, 0);
    });

    test('a series is added by a patch', async () => {
      const namespace = await context.namespace();
      const events = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
      await context.client.create(events, eventBody(namespace));
      const series = { count: 2, lastObservedTime: '2026-01-01T00:01:00.000000Z' };
      const patched = await context.client.patch(`${events}/web.1`, { series }, 'merge');
      assert.deepEqual(patched['series'], series);
    });

    test('without their required fields are refused: 422', async () => {
      const namespace = await context.namespace();
      const { action: _, ...body } = eventBody(namespace);
      const events = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
      const failure = await context.client.refused(422, 'POST', events, body);
      assert.match(failure.message, /action: Required value/);
    });
  });

  describe('services', () => {
    test('get a cluster address and the defaults of their ports', async () => {
      const services = `/api/v1/namespaces/${await context.namespace()}/services`;
      const body = { metadata: { name: 'web' }, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } };
      const service = await context.client.create(services, body);
      assert.match(String(service.spec['clusterIP']), /^\d+\.\d+\.\d+\.\d+$/);
      assert.equal(service.spec['type'], 'ClusterIP');
      assert.deepEqual(service.spec['ports'], [{ port: 80, protocol: 'TCP', targetPort: 80 }]);
      const patched = await context.client.patch(
        `${services}/web`,
        { metadata: { labels: { a: 'b' } } },
        'merge',
      );
      assert.equal(patched.spec['clusterIP'], service.spec['clusterIP']);
    });

    test('without ports are refused unless headless or the name of another: 422', async () => {
      const services = `/api/v1/namespaces/${await context.namespace()}/services`;
      const failure = await context.client.refused(422, 'POST', services, {
        metadata: { name: 'web' },
        spec: {},
      });
      assert.match(failure.message, /^Service "web" is invalid: spec\.ports: Required value/);
      const headless = await context.client.create(services, {
        metadata: { name: 'web' },
        spec: { clusterIP: 'None' },
      });
      assert.equal(headless.spec['clusterIP'], 'None');
      const external = await context.client.create(services, {
        metadata: { name: 'billing' },
        spec: { type: 'ExternalName', externalName: 'billing.example.com' },
      });
      assert.deepEqual([external.spec['type'], external.spec['clusterIP']], ['ExternalName', undefined]);
    });
  });

  describe('endpoint slices', () => {
    const sliceBody = (addresses: string[]) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080 }],
      endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    });

    test('keep their endpoints and count their generation', async () => {
      const slices = `/apis/discovery.k8s.io/v1/namespaces/${await context.namespace()}/endpointslices`;
      const slice = await context.client.create(slices, sliceBody(['10.0.0.1']));
      assert.equal(slice.metadata.generation, 1);
      assert.deepEqual(slice['ports'], [{ name: 'http', port: 8080, protocol: 'TCP' }]);
      const updated = await context.client.update(`${slices}/web-1`, {
        ...slice,
        endpoints: sliceBody(['10.0.0.1', '10.0.0.2']).endpoints,
      });
      assert.equal(updated.metadata.generation, 2);
      assert.equal((updated['endpoints'] as object[]).length, 2);
    });

    test('without an address type are refused: 422', async () => {
      const slices = `/apis/discovery.k8s.io/v1/namespaces/${await context.namespace()}/endpointslices`;
      const { addressType: _, ...body } = sliceBody(['10.0.0.1']);
      const failure = await context.client.refused(422, 'POST', slices, body);
      assert.match(
        failure.message,
        /^EndpointSlice\.discovery\.k8s\.io "web-1" is invalid: .*addressType: Required value/,
      );
    });
  });

  describe('nodes', () => {
    test('keep the status they are created with; later it changes through its subresource', async () => {
      const name = context.clusterName();
      const status = { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] };
      const node = await context.client.create('/api/v1/nodes', { metadata: { name }, status });
      assert.deepEqual(node.status['addresses'], status.addresses);
      const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' }];
      const ready = await context.client.patch(
        `/api/v1/nodes/${name}/status`,
        { status: { conditions } },
        'strategic',
      );
      assert.equal((ready.status['conditions'] as { status: string }[])[0]?.status, 'True');
      assert.equal(ready.metadata.namespace, undefined);
      const unchanged = await context.client.patch(
        `/api/v1/nodes/${name}`,
        { status: { conditions: null } },
        'merge',
      );
      assert.equal(unchanged.metadata.resourceVersion, ready.metadata.resourceVersion);
      await context.client.delete(`/api/v1/nodes/${name}`);
    });
  });

  describe('namespaces', () => {
    test('carry their name as a label, and kube-system is there from the start', async () => {
      const name = await context.namespace();
      const namespace = await context.client.get(`/api/v1/namespaces/${name}`);
      assert.equal(namespace.metadata.labels?.['kubernetes.io/metadata.name'], name);
      assert.equal(namespace.status['phase'], 'Active');
      const system = await context.client.get('/api/v1/namespaces/kube-system');
      assert.match(system.metadata.uid, /^[0-9a-f-]{36}$/);
    });

    test('being deleted take nothing new: 403 with the cause NamespaceTerminating', async () => {
      const name = await context.namespace();
      const draft = podBody('held') as { metadata: object };
      const metadata = { ...draft.metadata, finalizers: ['example.com/wait'] };
      await context.client.create(podsIn(name), { ...draft, metadata });
      const terminating = await context.client.delete(`/api/v1/namespaces/${name}`);
      assert.equal(terminating.status['phase'], 'Terminating');
      assert.ok(terminating.metadata.deletionTimestamp);
      const failure = await context.client.refused(403, 'POST', podsIn(name), podBody('web'));
      assert.equal(
        failure.message,
        `pods "web" is forbidden: unable to create new content in namespace ${name} because it is being terminated`,
      );
      assert.deepEqual(failure.details, {
        name: 'web',
        kind: 'pods',
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: `namespace ${name} is being terminated`,
            field: 'metadata.namespace',
          },
        ],
      });
      await context.client.patch(`${podsIn(name)}/held`, { metadata: { finalizers: null } }, 'merge');
    });
  });

  describe('discovery', () => {
    test('names the resources of a group', async () => {
      const list = await context.client.get('/apis/discovery.k8s.io/v1');
      assert.equal(list.kind, 'APIResourceList');
      const resources = list['resources'] as { name: string; namespaced: boolean; kind: string }[];
      const slices = resources.find(({ name }) => name === 'endpointslices');
      assert.equal(slices?.kind, 'EndpointSlice');
      assert.equal(slices?.namespaced, true);
    });

    test('the version and the health of the server', async () => {
      const version = (await context.client.get('/version')) as Body & { gitVersion: string };
      assert.match(version.gitVersion, /^v1\.\d+/);
      assert.equal((await context.client.call('GET', '/readyz')).text, 'ok');
    });
  });
}
