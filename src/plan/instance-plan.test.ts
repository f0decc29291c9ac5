import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { desired, entry, instance, observed, owner } from '../../test/support/entries.ts';
import { instanceLines, instancePlans } from './instance-plan.ts';

const of = (pod: string, service = '') => ({
  meta: {
    'external-source': 'kubernetes',
    'kube-cluster': 'demo',
    'kube-namespace': 'shop',
    'kube-pod': pod,
    'kube-service': service,
  },
});
const before = entry([instance('old', of('web-0')), instance('web', of('web-1', 'web'))]);
const after = entry([instance('web', { ...of('web-1', 'web'), tags: ['c'] }), instance('new', of('web-2'))]);
const inputs = [{ desired: desired(after), observed: observed(before) }];
const plans = (kind: 'Pod' | 'Service', name: string, namespace = 'shop') =>
  instancePlans({ kind, namespace, name }, inputs, { owner });
const firstLine = (name: string) => instanceLines(plans('Pod', name)[0]!, 'sync')[0];

describe('instancePlans()', () => {
  test('finds the instances of a pod and of a Service, wanted or registered', () => {
    const ids = (...args: Parameters<typeof plans>) =>
      plans(...args).map(({ wanted, registered }) => (wanted ?? registered)?.id);
    assert.deepEqual(ids('Pod', 'web-0'), ['old']);
    assert.deepEqual(ids('Pod', 'web-2'), ['new']);
    assert.deepEqual(ids('Service', 'web'), ['web']);
    assert.deepEqual(ids('Service', 'web-1'), []);
    assert.deepEqual(ids('Pod', 'web-1', 'other'), []);
  });

  test('says what would be written of each, and nothing of its neighbours', () => {
    const [plan] = plans('Pod', 'web-1');
    assert.deepEqual(
      plan?.steps.map(({ verb, id }) => [verb, id]),
      [
        ['change', 'web'],
        ['change', 'web:readiness'],
      ],
    );
  });
});

describe('instanceLines()', () => {
  test('separates what is wanted from what is registered', () => {
    assert.match(firstLine('web-0')!, /on node demo-worker-1: registered, not wanted$/);
    assert.match(firstLine('web-1')!, /: registered, differs from the desired state$/);
    assert.match(firstLine('web-2')!, /: wanted, not registered yet$/);
  });

  test('under dry-run says that nothing is written', () => {
    const lines = instanceLines(plans('Pod', 'web-1')[0]!, 'dry-run');
    assert.equal(lines.at(-1), '    the policy is dry-run: nothing is written');
  });
});
