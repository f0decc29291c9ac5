/** The rights that the chart asks for, for each combination of what needs them: nothing more and nothing less. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { chart, objectsIn, template, tryHelm } from '../support/real/helm.ts';
import { home, neededRights, rightsOf, type Situation } from '../support/rights.ts';

type Rules = Parameters<typeof rightsOf>[0];

/** What the roles in a rendered chart grant together. */
async function granted(values: object): Promise<string[]> {
  const json = Object.entries(values).flatMap(([key, value]) => [
    '--set-json',
    `${key}=${JSON.stringify(value)}`,
  ]);
  return objectsIn(await template(...json))
    .flatMap((object) => rightsOf((object['rules'] ?? []) as Rules, object.metadata.namespace))
    .sort();
}

/** Without an election there can be only one. */
const replicas = (leaderElection: boolean) => (leaderElection ? {} : { replicas: 1 });

const readingNamespaces: readonly object[] = [
  { namespaces: { selector: 'consul=yes' } },
  { namespaceAnnotations: ['tags'] },
  { namespaces: { selector: '!dev', exclude: ['dev'] }, namespaceAnnotations: ['*'], default: 'services' },
];
const others: readonly object[] = [
  {},
  { default: 'services' },
  { default: 'pods', labelSelector: 'a=b' },
  { namespaces: { include: ['shop'], exclude: ['kube-*'] }, namespaceAnnotations: [] },
];
const allSources = [[], ['ingresses'], ['gateways'], ['ingresses', 'gateways']] as const;

suite('the rights of the chart', () => {
  for (const sources of allSources) {
    const title = sources.length === 0 ? 'no further sources' : sources.join(' and ');

    test(`with ${title}: by default, and with what reads Namespaces`, async () => {
      for (const [index, sync] of [...others, ...readingNamespaces].entries()) {
        const leaderElection = index % 2 === 0;
        const situation: Situation = {
          sources,
          readsNamespaces: readingNamespaces.includes(sync),
          namespaces: [],
          leaderElection,
        };
        const values = {
          ...replicas(leaderElection),
          config: { sync: { ...sync, sources }, leaderElection: { enabled: leaderElection } },
        };
        assert.deepEqual(await granted(values), neededRights(situation), JSON.stringify(values));
      }
    });

    test(`with ${title}: in some namespaces only, nothing is asked for outside of them`, async () => {
      for (const [index, sync] of others.entries()) {
        const leaderElection = index % 2 === 1;
        const namespaces = ['shop', 'dev'];
        const situation: Situation = { sources, readsNamespaces: false, namespaces, leaderElection };
        const values = {
          ...replicas(leaderElection),
          config: {
            sync: { ...sync, sources },
            leaderElection: { enabled: leaderElection },
            kubernetes: { namespaces },
            cluster: { uid: 'c1' },
          },
        };
        assert.deepEqual(await granted(values), neededRights(situation), JSON.stringify(values));
        assert.ok(neededRights(situation).every((right) => !/ in (?:\*|kube-.*-lease)$/.test(right)));
      }
    });
  }

  test('are none where others give them', async () => {
    assert.deepEqual(await granted({ rbac: { create: false } }), []);
  });

  test('are not asked for by a configuration that needs more than it may have: it is refused', async () => {
    const confined = { kubernetes: { namespaces: ['shop'] }, cluster: { uid: 'c1' } };
    for (const [key, sync] of [
      ['selector', { namespaces: { selector: 'a=b' } }],
      ['namespaceAnnotations', { namespaceAnnotations: ['tags'] }],
    ] as const) {
      const config = JSON.stringify({ ...confined, sync });
      const { code, output } = await tryHelm('template', home, chart, '--set-json', `config=${config}`);
      assert.notEqual(code, 0);
      assert.match(
        output,
        new RegExp(`config\\.sync\\..*${key}.*needs cluster-wide rights to read Namespaces`),
      );
    }
    const { output } = await tryHelm(
      'template',
      home,
      chart,
      '--set-json',
      'config={"kubernetes":{"namespaces":["a"]}}',
    );
    assert.match(output, /config\.cluster\.uid: is needed with config\.kubernetes\.namespaces/);
  });
});
