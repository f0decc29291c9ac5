import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deployment, moving, node, registered } from '../../../test/support/consul-k8s-cluster.ts';
import { consulK8sId } from '../../desired/dialects/consul-k8s.ts';
import { terminatingOutput } from '../../model/check.ts';

describe('kube-registrar migrate consul-k8s --finish', () => {
  test('removes what ours stands in for, and the node; again it has nothing to do', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.putTheirs('10.1.0.9');
      const { exitCode, stdout } = await cluster.command('--finish', '--yes');
      assert.equal(exitCode, 0, stdout);
      assert.match(
        stdout,
        /^- web-shop at 10\.1\.0\.\d:8080: web-shop-\w+ on node "kubernetes-n\d" takes its place$/m,
      );
      assert.match(stdout, /^- web-shop at 10\.1\.0\.9:8080: it no longer exists in the cluster$/m);
      assert.match(stdout, /- node "k8s-sync"\n3 to remove, 0 to keep, 0 without a counterpart\.\nRemoved\./);
      assert.ok(!cluster.consul.outsider.nodes().some(({ Node }) => Node === node));
      assert.equal(cluster.passing('web-shop').length, 2);
      const again = await cluster.command('--finish', '--yes');
      assert.deepEqual(
        [again.exitCode, again.stdout],
        [0, 'Nothing to remove: Consul has no node "k8s-sync".\n'],
      );
    }));

  test('removes nothing while the Deployment is there', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.kube.addNamespace('consul');
      cluster.kube.store.apply(deployment('-to-k8s=false') as never);
      const { exitCode, stderr } = await cluster.command('--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stderr, /Deployment consul\/consul-sync-catalog still runs/);
      assert.equal(cluster.theirs.length, 2);
    }));

  test('removes nothing while an instance of kube-registrar is missing', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.putEndpoints('web', ['10.1.0.1', '10.1.0.2', '10.1.0.3']);
      cluster.putTheirs('10.1.0.3');
      const { exitCode, stdout, stderr } = await cluster.command('--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stdout, /^! web-shop at 10\.1\.0\.3:8080: kube-registrar has not registered it$/m);
      assert.match(stderr, /nothing was removed/);
      assert.equal(cluster.theirs.length, 3);
    }));

  test('removes what is on its way out, which would go on passing otherwise', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.fail('n1', 'critical', terminatingOutput.Endpoint);
      const { exitCode, stdout } = await cluster.command('--finish', '--yes');
      assert.equal(exitCode, 0, stdout);
      assert.match(stdout, /^- web-shop at 10\.1\.0\.1:8080: it is terminating: /m);
      assert.deepEqual(cluster.theirs, []);
    }));

  test('leaves what passes where ours does not', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.fail('n1');
      const { exitCode, stdout } = await cluster.command('--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stdout, /^= web-shop at 10\.1\.0\.1:8080: .* does not pass: not ready$/m);
      assert.deepEqual(cluster.theirs, ['10.1.0.1']);
    }));

  test('asks first, and leaves what others have on the node', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.consul.outsider.putService(node, { ID: 'db', Service: 'db', Port: 5432 });
      const asked = await cluster.command('--finish');
      assert.equal(asked.exitCode, 1);
      assert.match(asked.stderr, /use --yes/);
      assert.equal(cluster.theirs.length, 3);
      assert.equal((await cluster.command('--finish', '--yes')).exitCode, 0);
      assert.deepEqual(
        cluster.consul.outsider.services(node).map(({ ID }) => ID),
        ['db'],
      );
    }));

  test('shows its plan before it asks, and removes nothing unless the name of the node is typed', () =>
    moving(async (cluster) => {
      await registered(cluster);
      const shown: string[] = [];
      const wrong = await cluster.asked((text) => {
        shown.push(text);
        return 'yes\n';
      }, '--finish');
      assert.equal(wrong.exitCode, 1);
      assert.match(wrong.stderr, /not confirmed; nothing was removed/);
      assert.match(
        shown[0] ?? '',
        /^- web-shop at 10\.1\.0\.1:8080: .*\n.*\n- node "k8s-sync"\n2 to remove, .*\nType "k8s-sync" to remove 2 /s,
      );
      assert.equal(cluster.theirs.length, 2);
      const right = await cluster.asked(() => 'k8s-sync\n', '--finish');
      assert.deepEqual([right.exitCode, right.stderr], [0, '']);
      assert.deepEqual(cluster.theirs, []);
    }));

  test('removes nothing when something has changed while it was asking', () =>
    moving(async (cluster) => {
      const added = [
        ['10.1.0.3', 'it is without a counterpart'],
        ['10.1.0.9', 'it has gone'],
      ] as const;
      await registered(cluster);
      cluster.putEndpoints('web', ['10.1.0.1', '10.1.0.2', '10.1.0.3']);
      for (const [address, what] of added) {
        const asked = await cluster.asked(() => {
          cluster.putTheirs(address);
          return 'k8s-sync\n';
        }, '--finish');
        assert.equal(asked.exitCode, 1, what);
        assert.match(
          asked.stderr,
          /nothing was removed, because the instances have changed in the meantime; run it again/,
          what,
        );
        assert.equal(cluster.theirs.length, 3, what);
        cluster.consul.outsider.removeService(node, consulK8sId('web-shop', address));
      }
    }));

  test('keeps what ceased to pass while it was asking', () =>
    moving(async (cluster) => {
      await registered(cluster);
      const asked = await cluster.asked(() => {
        cluster.fail('n1');
        return 'k8s-sync\n';
      }, '--finish');
      assert.equal(asked.exitCode, 1);
      assert.deepEqual(cluster.theirs, ['10.1.0.1']);
    }));

  test('is repeated until nothing is left', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.fail('n1');
      const first = await cluster.command('--finish', '--yes');
      assert.equal(first.exitCode, 1);
      assert.match(first.stderr, /1 instances remain; run it again when those of kube-registrar pass/);
      assert.equal((await cluster.command('--finish', '--yes')).exitCode, 1, 'nothing has changed');
      assert.deepEqual(cluster.theirs, ['10.1.0.1']);
      cluster.fail('n1', 'passing');
      assert.equal((await cluster.command('--finish', '--yes')).exitCode, 0);
      assert.ok(!cluster.consul.outsider.nodes().some(({ Node }) => Node === node));
    }));

  test('is undone by consul-k8s itself: all is there twice again, and alike', () =>
    moving(async (cluster) => {
      await registered(cluster);
      assert.equal((await cluster.command('--finish', '--yes')).exitCode, 0);
      for (const address of ['10.1.0.1', '10.1.0.2']) cluster.putTheirs(address);
      assert.equal(cluster.passing('web-shop').length, 4);
      const { exitCode, stdout } = await cluster.command('--check');
      assert.deepEqual([exitCode, stdout], [0, '2 of 2 instances on node "k8s-sync" match.\n']);
    }));

  test('says so when what it removed comes back', () =>
    moving(async (cluster) => {
      await registered(cluster);
      const ended = cluster.command('--finish', '--yes');
      // Somewhere it still runs, and writes everything again.
      const writing = setInterval(() => {
        if (cluster.theirs.length === 0) cluster.putTheirs('10.1.0.1');
      }, 0);
      const { exitCode, stderr } = await ended.finally(() => clearInterval(writing));
      assert.equal(exitCode, 1);
      assert.match(stderr, /1 instances have returned: consul-k8s still runs somewhere/);
    }));

  test('leaves instances without their marks, and says that the node stays because of them', () =>
    moving(async (cluster) => {
      await registered(cluster);
      const { outsider } = cluster.consul;
      outsider.putService(node, { ID: 'db', Service: 'db', Port: 5432, Tags: ['k8s'] });
      const meta = { 'external-source': 'kubernetes' };
      outsider.putService(node, {
        ID: 'other',
        Service: 'web-shop',
        Address: '10.1.0.1',
        Port: 8080,
        Meta: meta,
      });
      const { exitCode, stdout } = await cluster.command('--finish', '--yes');
      assert.equal(exitCode, 0);
      assert.match(stdout, /^= node "k8s-sync": other programs have instances on it: db, other$/m);
      assert.deepEqual(
        outsider
          .services(node)
          .map(({ ID }) => ID)
          .toSorted(),
        ['db', 'other'],
      );
      assert.ok(outsider.nodes().some(({ Node }) => Node === node));
    }));

  test('leaves what another cluster may have registered on the same node', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.putTheirs('10.2.0.1', { service: 'pay-shop', meta: { 'external-k8s-node-name': 'other-1' } });
      cluster.putTheirs('10.1.0.8', { service: 'old-shop', meta: { 'external-k8s-node-name': 'n1' } });
      cluster.putService('bad', { 'consul.hashicorp.com/service-name': 'not_dns' });
      const { exitCode, stdout } = await cluster.command('--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stdout, /^= pay-shop at 10\.2\.0\.1:8080: nothing in this cluster asks for it/m);
      assert.match(stdout, /^- old-shop at 10\.1\.0\.8:8080: it no longer exists in the cluster$/m);
      assert.deepEqual(cluster.theirs, ['10.2.0.1']);
    }));
});
