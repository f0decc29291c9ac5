/** The rights in the plain manifests: those of the base, and of each component what it is for. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { neededRights, rightsOf, type Situation } from '../support/rights.ts';

const manifests = path.resolve(import.meta.dirname, '../../manifests');

interface Role {
  readonly metadata?: { readonly namespace?: string };
  readonly rules?: Parameters<typeof rightsOf>[0];
}

const grantedBy = (file: string): string[] =>
  parseAllDocuments(readFileSync(path.join(manifests, file), 'utf8'))
    .map((document) => document.toJS() as Role)
    .flatMap(({ metadata, rules = [] }) => rightsOf(metadata === undefined ? [] : rules, metadata?.namespace))
    .sort();

const base: Situation = { sources: [], readsNamespaces: false, namespaces: [], leaderElection: true };
const added = (more: Partial<Situation>): string[] => {
  const before = new Set(neededRights(base));
  return neededRights({ ...base, ...more }).filter((right) => !before.has(right));
};

describe('the rights in the manifests', () => {
  test('of the base are what it needs', () => {
    assert.deepEqual(grantedBy('base/rbac.yaml'), neededRights(base));
  });

  const components: Readonly<Record<string, Partial<Situation>>> = {
    ingresses: { sources: ['ingresses'] },
    gateways: { sources: ['gateways'] },
    namespaces: { readsNamespaces: true },
  };

  for (const [name, more] of Object.entries(components)) {
    test(`of the component ${name} are what it adds`, () => {
      assert.deepEqual(grantedBy(`components/${name}/rbac.yaml`), added(more));
    });
  }

  test('are in no other component', () => {
    for (const name of readdirSync(path.join(manifests, 'components'))) {
      if (name in components) continue;
      for (const file of readdirSync(path.join(manifests, 'components', name)))
        assert.deepEqual(grantedBy(`components/${name}/${file}`), [], file);
    }
  });

  test('of the overlay for one namespace are of that namespace', () => {
    const confined = neededRights({ ...base, namespaces: ['shop'], leaderElection: false });
    assert.deepEqual(grantedBy('overlays/namespaced/rights.yaml'), confined);
  });
});
