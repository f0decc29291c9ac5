/** What the operator asks of the API server: with each configuration what it needs, and nothing of what is off. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { home, neededRights, rightFor, type Situation } from '../../test/support/rights.ts';
import {
  gatewayObject,
  ingressObject,
  ingressStatus,
  routeObject,
} from '../../test/support/route-objects.ts';
import { SmallCluster } from '../../test/support/small-cluster.ts';

const base: Situation = { sources: [], readsNamespaces: false, namespaces: [], leaderElection: false };

/** The configurations that read Namespaces, and those that do not. */
const namespaceRules = {
  no: [{}, { namespaces: { exclude: ['dev'] } }, { default: 'pods' }, { default: 'services' }],
  yes: [
    { namespaces: { selector: 'consul=yes' } },
    { namespaceAnnotations: ['tags'] },
    { default: 'services', namespaces: { selector: '!dev' }, namespaceAnnotations: ['*'] },
  ],
};

/** Every combination: of rules for namespaces, sources, namespaced mode and leader election. */
function* situations(): Generator<{
  readonly situation: Situation;
  readonly config: object;
  readonly title: string;
}> {
  const allSources = [[], ['ingresses'], ['gateways'], ['ingresses', 'gateways']] as const;
  for (const sources of allSources) {
    for (const namespaces of [[], ['shop', 'dev']]) {
      for (const leaderElection of [false, true]) {
        const confined = namespaces.length > 0;
        const rules = [...namespaceRules.no, ...(confined ? [] : namespaceRules.yes)];
        for (const rule of rules) {
          const readsNamespaces = namespaceRules.yes.includes(rule as never);
          const situation = { sources, namespaces, leaderElection, readsNamespaces };
          const title = JSON.stringify({ sources, namespaces, leaderElection, sync: rule });
          const config = {
            sync: { ...rule, sources },
            kubernetes: { namespaces },
            leaderElection: { enabled: leaderElection, namespace: home },
            ...(confined ? { cluster: { uid: 'c1' } } : {}),
          };
          yield { situation, config, title };
        }
      }
    }
  }
}

/** Everything that is asked of the API server while objects of all kinds come, are wrong, and go. */
async function requested(
  config: object,
  title: string,
): Promise<readonly { readonly method: string; readonly path: string }[]> {
  const cluster = new SmallCluster();
  const putNamespaces = () => {
    for (const name of ['shop', 'dev', home]) {
      const metadata = { name, labels: { consul: 'yes' } };
      cluster.kube.store.apply({ apiVersion: 'v1', kind: 'Namespace', metadata });
    }
  };
  const asked: { readonly method: string; readonly path: string }[] = [];
  let streamsLists = true;
  cluster.kube.faults.intercept = ({ method, path }) => {
    asked.push({ method, path });
    // As an API server that does not know WatchList.
    return streamsLists || !path.includes('sendInitialEvents') ? undefined : { kind: 'answer', status: 422 };
  };
  for (const namespace of ['shop', 'dev']) {
    cluster.putPod(`${namespace}-web`, { service: 'web' }, { namespace });
    cluster.putPod(`${namespace}-wrong`, { service: 'a b' }, { namespace });
    const pod = cluster.kube.store.get('pods', namespace, `${namespace}-web`)!;
    const spec = {
      ...(pod['spec'] as object),
      readinessGates: [{ conditionType: 'kube-registrar.io/registered' }],
    };
    cluster.kube.store.apply({ ...pod, spec });
    const part = { namespace };
    cluster.kube.store.apply({
      ...ingressObject({ service: 'i' }, part),
      status: ingressStatus('203.0.113.7'),
    });
    cluster.kube.store.apply(gatewayObject(part));
    cluster.kube.store.apply(routeObject({ service: 'r' }, part));
  }
  putNamespaces();
  const running = cluster.start(config, { pod: 'p' });
  await cluster.clock.advance(20_000);
  assert.ok(cluster.passing('web').length > 0, `${title} runs`);
  // The same mistakes again and again: their Events are counted in a series.
  for (const service of ['c d', 'a b', 'c d', 'a b']) {
    for (const namespace of ['shop', 'dev']) cluster.putPod(`${namespace}-wrong`, { service }, { namespace });
    await cluster.clock.advance(60_000);
  }
  putNamespaces();
  await cluster.clock.advance(60_000);
  // Lost from a list, so that the operator has to look for proof.
  await running.stop();
  for (const namespace of ['shop', 'dev']) cluster.kube.store.delete('pods', namespace, `${namespace}-web`);
  streamsLists = false;
  const again = cluster.start(config, { pod: 'p' });
  await cluster.clock.advance(120_000);
  await again.stop();
  return asked;
}

const readable = (right: string): boolean => /^(?:list|watch) (?!leases)/.test(right);
/** `pods in *` */
const withoutVerb = (right: string): string => right.replace(/^\S+ /, '');

describe('the rights that the operator uses', () => {
  const used = new Set<string>();

  test('are those of what the configuration switches on, and it reads all of that', async () => {
    for (const { situation, config, title } of situations()) {
      const needed = new Set(neededRights(situation));
      const rights = new Set<string>();
      for (const { method, path } of await requested(config, title)) {
        const right = rightFor(method, path);
        assert.ok(right !== undefined, `${method} ${path} needs a right that is known here`);
        // What is granted everywhere is granted in each namespace.
        const everywhere = right.replace(/ in \S+$/, ' in *');
        rights.add(needed.has(everywhere) ? everywhere : right);
      }
      for (const right of rights) assert.ok(needed.has(right), `${title} asks for: ${right}`);
      const read = (of: ReadonlySet<string>) =>
        [...new Set([...of].filter(readable).map(withoutVerb))].sort();
      assert.deepEqual(read(rights), read(needed), title);
      for (const right of rights) used.add(right);
    }
  });

  test('are, over all configurations, all that are granted', () => {
    const everything = {
      sources: ['ingresses', 'gateways'],
      readsNamespaces: true,
      leaderElection: true,
    } as const;
    const needed = [
      ...neededRights({ ...base, ...everything }),
      ...neededRights({ ...base, ...everything, namespaces: ['shop', 'dev'] }),
    ];
    assert.deepEqual([...new Set(needed)].filter((right) => !used.has(right)).sort(), []);
  });
});
