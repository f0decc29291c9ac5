import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { applied, instance, readiness } from '../../../test/support/entries.ts';
import { sampleReading } from '../../../test/support/sample-reading.ts';
import { consulNodeName, serviceName } from '../../model/keys.ts';
import { ServiceCounts } from '../../reconcile/service-counts.ts';
import { documentOf, pageOf } from './document.ts';
import { queryOf } from './query.ts';

/** The page of the service `web`, whose one instance has this meta. */
async function pageWith(meta: Readonly<Record<string, string>>): Promise<string> {
  const node = consulNodeName('east-endpoints');
  const one = instance('web-1', {
    service: serviceName('web'),
    address: '203.0.113.7',
    meta: { 'kube-namespace': 'shop', ...meta },
    checks: [readiness('web-1', 'passing', '')],
  });
  const there = applied(undefined, [
    { kind: 'put-node', node, effect: 'create', modifyIndex: 0, address: '', taggedAddresses: {}, meta: {} },
    { kind: 'put-instance', node, effect: 'create', instance: one },
  ])!;
  const reading = { ...sampleReading, nodes: [there], services: new ServiceCounts(() => [there]).now };
  return documentOf(await pageOf('/instances', queryOf('/instances?service=web'), reading, () => undefined));
}

describe('an instance on the page', () => {
  const command = (text: string) => `<code class="command">kubectl -n shop describe ${text}</code>`;
  const asked = 'Asked for by 1 object:';
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, string, string | undefined])[] = [
    ['a pod', { 'kube-pod': 'web-0' }, 'shop/web-0', undefined],
    [
      'a pod that a Service asks for',
      { 'kube-pod': 'web-0', 'kube-service': 'web' },
      'shop/web-0',
      'service web',
    ],
    [
      'a load balancer',
      { 'kube-service': 'web', 'kube-address': 'load-balancer' },
      'Service shop/web',
      'service web',
    ],
    ['an Ingress', { 'kube-route': 'Ingress/web' }, 'Ingress shop/web', 'ingress web'],
    [
      'a route',
      { 'kube-route': 'HTTPRoute/web', 'kube-gateway': 'infra/edge' },
      'HTTPRoute shop/web',
      'httproute web',
    ],
    ['something else', { 'kube-route': 'Lamp/web' }, 'web-1', undefined],
  ];
  for (const [what, meta, title, owner] of rows) {
    test(`of ${what} names the object, and how to see it and what asks for it`, async () => {
      const page = await pageWith(meta);
      assert.match(page, new RegExp(`<th scope="row"[^>]*>${title}<`));
      assert.equal(page.includes(asked), owner !== undefined);
      if (owner !== undefined) assert.ok(page.includes(`<li>${command(owner)}</li>`));
      const own = meta['kube-pod'] === undefined ? owner : 'pod web-0';
      if (own !== undefined) assert.ok(page.includes(command(own)));
    });
  }
});
