import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Api, type ConsulUnderTest, check, node, service, unique } from './subject.ts';

/**
 * What a change does to a query that blocks on another endpoint's index:
 * - `wakes`  the query is answered at once
 * - `moves`  it sleeps on, but the endpoint's index moved: the next subscription is answered at once
 * - `still`  nothing
 */
type Effect = 'wakes' | 'moves' | 'still';

interface Scene {
  readonly node: string;
  readonly other: string;
  readonly web: string;
  readonly api: string;
  readonly owner: string;
}

const endpoints = {
  nodes: () => '/v1/catalog/nodes',
  'nodes?node-meta': ({ owner }: Scene) => `/v1/catalog/nodes?node-meta=owner:${owner}`,
  services: () => '/v1/catalog/services',
  'services?node-meta': ({ owner }: Scene) => `/v1/catalog/services?node-meta=owner:${owner}`,
  'catalog/service': ({ web }: Scene) => `/v1/catalog/service/${web}`,
  'catalog/node': ({ node }: Scene) => `/v1/catalog/node/${node}`,
  'node-services': ({ node }: Scene) => `/v1/catalog/node-services/${node}`,
  'health/service': ({ web }: Scene) => `/v1/health/service/${web}`,
  'health/service?passing': ({ web }: Scene) => `/v1/health/service/${web}?passing`,
  'health/node': ({ node }: Scene) => `/v1/health/node/${node}`,
  'health/checks': ({ web }: Scene) => `/v1/health/checks/${web}`,
  'state/any': () => '/v1/health/state/any',
  'state/any?node-meta': ({ owner }: Scene) => `/v1/health/state/any?node-meta=owner:${owner}`,
} as const;

type Endpoint = keyof typeof endpoints;

const webFields = { Port: 80, Tags: ['a'], Meta: { v: '1' } };
const webCheck = (scene: Scene, fields: object = {}) =>
  check(scene.node, `${scene.web}-check`, { ServiceID: `${scene.web}-1`, ...fields });

const nodeLists: readonly Endpoint[] = ['nodes', 'nodes?node-meta'];
const serviceViews: readonly Endpoint[] = [
  'services',
  'services?node-meta',
  'catalog/service',
  'catalog/node',
  'node-services',
  'health/service',
  'health/service?passing',
];
const checkViews: readonly Endpoint[] = ['health/node', 'health/checks', 'state/any', 'state/any?node-meta'];

interface Change {
  readonly operations: (scene: Scene) => readonly object[];
  readonly wakes?: readonly Endpoint[];
  readonly moves?: readonly Endpoint[];
}

/** Each on a node with one instance and its check, beside an unrelated node with another service. */
const changes: Readonly<Record<string, Change>> = {
  'a service added to the node': {
    operations: (scene) => [service(scene.node, `${scene.web}-2`, scene.web, webFields)],
    wakes: serviceViews,
    moves: nodeLists,
  },
  'a service removed': {
    operations: (scene) => [service(scene.node, `${scene.web}-1`, scene.web, {}, 'delete')],
    wakes: [...serviceViews, ...checkViews],
    moves: nodeLists,
  },
  'tags changed': {
    operations: (scene) => [service(scene.node, `${scene.web}-1`, scene.web, { ...webFields, Tags: ['b'] })],
    wakes: serviceViews,
    moves: nodeLists,
  },
  'an identical service': {
    operations: (scene) => [service(scene.node, `${scene.web}-1`, scene.web, webFields)],
  },
  'a check flipped': {
    operations: (scene) => [webCheck(scene, { Status: 'critical' })],
    wakes: ['health/service', 'health/service?passing', ...checkViews],
    moves: ['catalog/service'],
  },
  'an identical check': { operations: (scene) => [webCheck(scene)] },
  'a check of the node added': {
    operations: (scene) => [check(scene.node, 'node-check')],
    wakes: ['health/service', 'health/service?passing', 'health/node', 'state/any', 'state/any?node-meta'],
    moves: ['catalog/service', 'health/checks'],
  },
  'meta of the node changed': {
    operations: (scene) => [node(scene.node, { Meta: { owner: scene.owner, more: '1' } })],
    wakes: [...nodeLists, ...serviceViews.filter((name) => name !== 'services')],
  },
  'the node removed': {
    operations: (scene) => [node(scene.node, {}, 'delete')],
    wakes: [...nodeLists, ...serviceViews, ...checkViews],
  },
  'a service elsewhere': {
    operations: (scene) => [service(scene.other, `${scene.api}-2`, scene.api)],
    wakes: ['services'],
    moves: [...nodeLists, 'services?node-meta'],
  },
  'a check elsewhere': {
    operations: (scene) => [check(scene.other, 'other-check')],
    wakes: ['state/any', 'state/any?node-meta'],
    moves: ['health/node', 'health/checks'],
  },
  'a node elsewhere': {
    operations: (scene) => [node(scene.other, { Address: '10.0.0.9' })],
    wakes: ['nodes'],
    moves: ['nodes?node-meta', 'services?node-meta'],
  },
};

async function observe(
  subject: ConsulUnderTest,
  operations: (scene: Scene) => readonly object[],
  waitMs: number,
): Promise<Record<string, Effect>> {
  const api = new Api(subject);
  const scene = {
    node: unique('wake'),
    other: unique('other'),
    web: unique('web'),
    api: unique('api'),
    owner: unique('owner'),
  };
  await api.commit(
    node(scene.node, { Meta: { owner: scene.owner } }),
    service(scene.node, `${scene.web}-1`, scene.web, webFields),
    webCheck(scene),
    node(scene.other),
    service(scene.other, `${scene.api}-1`, scene.api),
  );
  const paths = Object.entries(endpoints).map(([name, path]) => [name, path(scene)] as const);
  const starts = await Promise.all(paths.map(([, path]) => api.get(path)));
  const sleepers = paths.map(([, path], i) => api.blocked(path, starts[i]!.index, `${waitMs}ms`));
  await subject.settle();
  await api.commit(...operations(scene));
  const woken = await subject.drive(Promise.all(sleepers));
  const later = await Promise.all(paths.map(([, path]) => api.get(path)));
  return Object.fromEntries(
    paths.map(([name], i): [string, Effect] => {
      const start = starts[i]!.index;
      if (woken[i]!.index > start) return [name, 'wakes'];
      return [name, later[i]!.index > start ? 'moves' : 'still'];
    }),
  );
}

function effectOn(endpoint: Endpoint, { wakes = [], moves = [] }: Change): Effect {
  if (wakes.includes(endpoint)) return 'wakes';
  return moves.includes(endpoint) ? 'moves' : 'still';
}

const attempts = 5;

/** What wakes whom: one test for each change, over all endpoints. */
export function wakeUps(subject: () => ConsulUnderTest): void {
  for (const [name, change] of Object.entries(changes)) {
    test(`blocking queries: ${name}`, async () => {
      const names = Object.keys(endpoints) as Endpoint[];
      const expected = Object.fromEntries(names.map((endpoint) => [endpoint, effectOn(endpoint, change)]));
      // A real server also writes for itself and may be slow: what it shows again at leisure is what counts.
      for (let attempt = 1; ; attempt += 1) {
        const seen = await observe(subject(), change.operations, 400 * attempt);
        if (attempt < attempts && !isDeepStrictEqual(seen, expected)) continue;
        assert.deepEqual(seen, expected);
        return;
      }
    });
  }
}
