/** What of the chart can be held to its sources without helm. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parser } from '@prometheus-io/lezer-promql';
import { parse, parseAllDocuments } from 'yaml';
import { chartDirectory, chartFiles } from '../../helm/generate.ts';
import { readValues } from '../../helm/values.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { catalogue, metricPrefix } from '../../src/metrics/catalogue.ts';
import type { Definition } from '../../src/metrics/definition.ts';

const read = (name: string): string => readFileSync(path.join(chartDirectory, name), 'utf8');
const root = path.resolve(import.meta.dirname, '../..');
const packageJson = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly homepage: string;
};

describe('the chart', () => {
  for (const [name, text] of Object.entries(chartFiles())) {
    test(`${name} is what its sources make`, () => {
      const stored = existsSync(path.join(chartDirectory, name)) ? read(name) : '';
      assert.equal(stored, text, `helm/kube-registrar/${name} is out of date; run: npm run docs`);
    });
  }

  test('every value has a comment', () => {
    assert.ok(readValues(read('values.yaml')).length > 50);
    assert.throws(() => readValues('a:\n  # told\n  b: 1\n  c: 2\n'), /a\.c has no comment/);
  });

  test('installs the program of its checkout, and has its home', () => {
    const { appVersion, home } = parse(read('Chart.yaml')) as Record<string, string>;
    assert.equal(appVersion, packageJson.version);
    assert.equal(home, packageJson.homepage);
  });

  test('makes configurations that the program takes', () => {
    const golden = path.join(root, 'test/golden/chart');
    const rendered = readdirSync(golden).filter((name) => /^[\w-]+\.yaml$/.test(name));
    for (const name of rendered) {
      const maps = parseAllDocuments(readFileSync(path.join(golden, name), 'utf8')).flatMap(
        (document) => (document.toJS() as { data?: Record<string, string> } | null)?.data?.['config.yaml'] ?? [],
      );
      assert.ok(maps.length > 0, name);
      for (const text of maps) {
        const { mistakes } = resolveConfig({ file: { name, text }, environment: {}, flags: {} });
        assert.deepEqual(mistakes, []);
      }
    }
  });

  test('its patterns are such that Go, too, can compile them', () => {
    // No look-around and no back references.
    for (const [, pattern] of read('values.schema.json').matchAll(/"pattern": "(.*)"/g)) {
      assert.doesNotMatch(pattern!, /\(\?[=!<]|\\\\\d/);
    }
  });
});

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const alerts = (parse(read('files/alerts.yaml')) as { groups: { rules: Alert[] }[] }).groups.flatMap(
  ({ rules }) => rules,
);
const dashboardQueries = [...read('files/dashboard.json').matchAll(/"expr": (".*")/g)].map(([, text]) =>
  (JSON.parse(text!) as string).replaceAll('$__rate_interval', '5m'),
);

describe('alerts and dashboard', () => {
  const queries = [...alerts.map(({ expr }) => expr), ...dashboardQueries];

  test('every query is PromQL', () => {
    assert.ok(queries.length > 30);
    for (const query of queries) assert.deepEqual(errorsIn(query), [], query);
    assert.notDeepEqual(errorsIn('sum(rate(a[5m])'), []);
  });

  test('every metric of ours in a query exists, with the labels it is asked for', () => {
    const known = new Map(
      Object.values<Definition>(catalogue).map((definition) => [metricPrefix + definition.name, definition]),
    );
    for (const query of queries) {
      for (const [, name, selector = ''] of query.matchAll(/\b(kube_registrar_\w+)(?:\{([^}]*)\})?/g)) {
        const definition = known.get(name!) ?? known.get(name!.replace(/_(bucket|sum|count)$/, ''));
        assert.ok(definition !== undefined, `${name} is no metric: ${query}`);
        const labels = [...selector.matchAll(/(\w+)\s*[=!]/g)].map(([, label]) => label!);
        for (const label of labels) {
          // Given by Prometheus, where it scrapes.
          const isTarget = ['job', 'namespace', 'pod'].includes(label);
          const isOwn = Object.hasOwn(definition.labels, label);
          // `namespace` of a metric of ours is one that is watched; the dashboard's is the operator's.
          assert.ok(!(isTarget && isOwn), `${name} is selected by its own ${label}: ${query}`);
          assert.ok(isTarget || isOwn, `${name} has no label ${label}`);
        }
      }
    }
  });

  test('every metric of ours is on the dashboard or in an alert', () => {
    // A list read again and a watch given up show in others; the rest are states of these.
    const elsewhere = ['reflector_state', 'reflector_lists_total', 'reflector_idle_aborts_total'];
    for (const { name } of Object.values<Definition>(catalogue)) {
      const used = queries.some((query) => query.includes(metricPrefix + name));
      assert.ok(used || elsewhere.includes(name), `nothing shows ${name}`);
    }
  });

  test('every alert says what it is about and has a runbook', () => {
    const runbooks = readFileSync(path.join(root, 'docs/alerts.md'), 'utf8');
    for (const { alert, labels, annotations } of alerts) {
      assert.match(labels.severity, /^(critical|warning|info)$/);
      assert.ok(annotations.summary.length > 0 && annotations.description.length > 0, alert);
      assert.ok(runbooks.includes(`\n## ${alert}\n`), `docs/alerts.md has no section ${alert}`);
    }
    const sections = [...runbooks.matchAll(/^## (KubeRegistrar\w+)$/gm)].map(([, name]) => name);
    assert.deepEqual(sections.sort(), alerts.map(({ alert }) => alert).sort());
  });
});

/** Where a query is no PromQL. */
function errorsIn(query: string): string[] {
  const errors: string[] = [];
  // Grafana's variables stand in texts, which PromQL does not look into.
  parser.parse(query).iterate({
    enter({ type, from, to }) {
      if (type.isError) errors.push(`at ${from}: ${query.slice(from, to + 20)}`);
    },
  });
  return errors;
}
