/** The alerts in Prometheus' own rule tests: each fires for what it is about, alone, and not for less. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { requireServers } from '../servers/locate.ts';
import { chart } from '../support/real/helm.ts';

const run = promisify(execFile);
const rules = join(chart, 'files/alerts.yaml');

/** Values a minute apart, in Prometheus' notation, by the metric without its prefix and common labels. */
type Series = Readonly<Record<string, string>>;

/** Two replicas, of which one leads, with nothing to complain about. */
const healthy: Series = {
  'build_info{pod="a"}': '1x90',
  'build_info{pod="b"}': '1x90',
  'consul_up{pod="a"}': '1x90',
  'consul_up{pod="b"}': '1x90',
  'leader{pod="a"}': '1x90',
  'leader{pod="b"}': '0x90',
  'lease_transitions{pod="a"}': '7x90',
  'lease_transitions{pod="b"}': '7x90',
  'last_full_sync_timestamp_seconds{pod="a"}': '0+60x90',
  'last_full_sync_timestamp_seconds{pod="b"}': '0x90',
  'contended_entries{pod="a",entry="instance"}': '0x90',
  'held_operations{pod="a",by="guard",kind="removal"}': '0x90',
  // What the policy, Consul or a conflict holds is no removal that waits for proof.
  'held_operations{pod="a",by="policy",kind="removal"}': '5x90',
  'held_operations{pod="a",by="consul",kind="write"}': '5x90',
  'held_operations{pod="a",by="conflict",kind="write"}': '5x90',
  'problems{pod="a",reason="Conflict"}': '0x90',
  'queue_oldest_seconds{pod="a"}': '0x90',
  'reflector_failing{pod="a",resource="pods"}': '0x90',
  'operations_total{pod="a",verb="put-check",result="committed"}': '0+60x90',
  'operations_total{pod="a",verb="put-check",result="refused"}': '0x90',
  'operations_total{pod="a",verb="put-check",result="failed"}': '0x90',
  'drift_total{pod="a",kind="missing"}': '0x90',
  'acl_logins_total{pod="a",result="ok"}': '0+1x90',
  'acl_logins_total{pod="a",result="failed"}': '0x90',
  'events_dropped_total{pod="a",because="limited"}': '0+5x90',
  'events_dropped_total{pod="a",because="forbidden"}': '0x90',
};

interface Case {
  readonly alert: string;
  /** In place of those of a healthy operator; null: not there. */
  readonly series: Readonly<Record<string, string | null>>;
  /** Minutes after which it is looked. */
  readonly after: number;
  /** Labels of the alert beside its name and severity; undefined: it does not fire. */
  readonly labels?: Readonly<Record<string, string>>;
}

const all = { job: 'kube-registrar', namespace: 'ops' };
const builds = { 'build_info{pod="a"}': null, 'build_info{pod="b"}': null };
const slow = (le: string): Record<string, string> => ({
  [`propagation_seconds_bucket{pod="a",le="${le}"}`]: '0+60x90',
  'propagation_seconds_bucket{pod="a",le="+Inf"}': '0+60x90',
});

const cases: readonly Case[] = [
  { alert: 'Absent', series: builds, after: 15, labels: {} },
  { alert: 'Absent', series: { 'build_info{pod="a"}': null }, after: 15 },
  {
    alert: 'ConsulDown',
    series: { 'consul_up{pod="a"}': '0x90', 'consul_up{pod="b"}': '0x90' },
    after: 10,
    labels: all,
  },
  { alert: 'ConsulDown', series: { 'consul_up{pod="a"}': '0x90' }, after: 10 },
  { alert: 'NoLeader', series: { 'leader{pod="a"}': '0x90' }, after: 5, labels: all },
  {
    alert: 'NoLeader',
    series: { 'leader{pod="a"}': '1 1 0 0x90', 'leader{pod="b"}': '0 0 0 1x90' },
    after: 5,
  },
  {
    alert: 'LeaderFlapping',
    series: { 'lease_transitions{pod="b"}': '7 8 9 10 11 12x90' },
    after: 10,
    labels: all,
  },
  { alert: 'LeaderFlapping', series: { 'lease_transitions{pod="b"}': '0 0 7 8x90' }, after: 10 },
  {
    alert: 'LoginFailing',
    series: {
      'acl_logins_total{pod="a",result="ok"}': '1x90',
      'acl_logins_total{pod="a",result="failed"}': '0+1x90',
    },
    after: 30,
    labels: all,
  },
  { alert: 'LoginFailing', series: { 'acl_logins_total{pod="a",result="failed"}': '0+1x90' }, after: 30 },
  {
    alert: 'ReflectorFailing',
    series: { 'reflector_failing{pod="a",resource="pods"}': '1x90' },
    after: 10,
    labels: { ...all, resource: 'pods' },
  },
  {
    alert: 'ReflectorFailing',
    series: { 'reflector_failing{pod="a",resource="pods"}': '1 1 0x90' },
    after: 10,
  },
  {
    alert: 'QueueStuck',
    series: { 'queue_oldest_seconds{pod="a"}': '61x90' },
    after: 10,
    labels: { ...all, pod: 'a' },
  },
  { alert: 'QueueStuck', series: { 'queue_oldest_seconds{pod="a"}': '59x90' }, after: 10 },
  { alert: 'Slow', series: slow('10'), after: 20, labels: all },
  { alert: 'Slow', series: slow('0.1'), after: 20 },
  {
    alert: 'WritesRefused',
    series: { 'operations_total{pod="a",verb="put-check",result="refused"}': '0+1x90' },
    after: 25,
    labels: { ...all, verb: 'put-check' },
  },
  {
    alert: 'WritesRefused',
    series: { 'operations_total{pod="a",verb="put-check",result="refused"}': '0 0 1x90' },
    after: 25,
  },
  {
    alert: 'WritesFailing',
    series: { 'operations_total{pod="a",verb="put-check",result="failed"}': '0+10x90' },
    after: 20,
    labels: all,
  },
  {
    alert: 'WritesFailing',
    series: { 'operations_total{pod="a",verb="put-check",result="failed"}': '0+1x90' },
    after: 20,
  },
  {
    alert: 'Drift',
    series: { 'drift_total{pod="a",kind="missing"}': '0+1x90' },
    after: 45,
    labels: { ...all, kind: 'missing' },
  },
  { alert: 'Drift', series: { 'drift_total{pod="a",kind="missing"}': '0 0 5x90' }, after: 45 },
  {
    alert: 'Contended',
    series: { 'contended_entries{pod="a",entry="instance"}': '1x90' },
    after: 15,
    labels: { ...all, entry: 'instance' },
  },
  { alert: 'Contended', series: { 'contended_entries{pod="a",entry="instance"}': '1x5 0x90' }, after: 15 },
  {
    alert: 'Held',
    series: { 'held_operations{pod="a",by="guard",kind="removal"}': '12x90' },
    after: 10,
    labels: { ...all, kind: 'removal' },
  },
  {
    alert: 'Held',
    series: { 'held_operations{pod="a",by="guard",kind="removal"}': '12 12 0x90' },
    after: 10,
  },
  {
    alert: 'EventsDropped',
    series: { 'events_dropped_total{pod="a",because="forbidden"}': '0+1x90' },
    after: 45,
    labels: { ...all, because: 'forbidden' },
  },
  {
    alert: 'EventsDropped',
    series: { 'events_dropped_total{pod="a",because="limited"}': '0+90x90' },
    after: 45,
  },
  {
    alert: 'NoFullSync',
    series: { 'last_full_sync_timestamp_seconds{pod="a"}': '60x90' },
    after: 30,
    labels: all,
  },
  { alert: 'NoFullSync', series: { 'last_full_sync_timestamp_seconds{pod="a"}': '0x90' }, after: 30 },
  {
    alert: 'Problems',
    series: { 'problems{pod="a",reason="Conflict"}': '2x90' },
    after: 40,
    labels: { ...all, reason: 'Conflict' },
  },
  { alert: 'Problems', series: { 'problems{pod="a",reason="Conflict"}': '2x9 0x90' }, after: 40 },
];

const alerts = (
  parse(readFileSync(rules, 'utf8')) as {
    groups: { rules: { alert: string; labels: { severity: string } }[] }[];
  }
).groups.flatMap(({ rules }) => rules);

/** One test in promtool's format: what fires then, and nothing else. */
function ruleTest({ alert, series, after, labels }: Case): unknown {
  const values = Object.entries({ ...healthy, ...series }).flatMap(([name, value]) =>
    value === null
      ? []
      : {
          series: `kube_registrar_${name.replace('{', '{job="kube-registrar",namespace="ops",')}`,
          values: value,
        },
  );
  const name = `KubeRegistrar${alert}`;
  const severity = alerts.find((rule) => rule.alert === name)?.labels.severity;
  const written = Object.entries({ alertname: name, alertstate: 'firing', severity, ...labels });
  const fired = `ALERTS{${written.map(([key, value]) => `${key}="${value}"`).join(',')}}`;
  return {
    name: `${name} ${labels === undefined ? 'does not fire' : 'fires'}`,
    interval: '1m',
    input_series: values,
    promql_expr_test: [
      {
        expr: 'ALERTS{alertstate="firing"}',
        eval_time: `${after}m`,
        exp_samples: labels === undefined ? [] : [{ labels: fired, value: 1 }],
      },
    ],
  };
}

/** Rejects with what promtool finds wrong. */
async function promtool(tests: readonly unknown[]): Promise<void> {
  const { promtool: program } = await requireServers(['promtool']);
  const dir = await mkdtemp(join(tmpdir(), 'kube-registrar-alerts-'));
  try {
    const file = join(dir, 'tests.yaml');
    await writeFile(file, JSON.stringify({ rule_files: [rules], evaluation_interval: '1m', tests }));
    await run(program, ['test', 'rules', file]);
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(stdout + stderr || String(error), { cause: error });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

suite('the alerts', () => {
  test('are rules that Prometheus takes', async () => {
    const { promtool: program } = await requireServers(['promtool']);
    await run(program, ['check', 'rules', '--lint=all', '--lint-fatal', rules]);
  });

  test('are all tried, fired and not', () => {
    for (const { alert } of alerts) {
      const tried = cases.filter((one) => `KubeRegistrar${one.alert}` === alert);
      assert.deepEqual(
        [...new Set(tried.map(({ labels }) => labels === undefined))].sort(),
        [false, true],
        alert,
      );
    }
  });

  test('are silent while all is well', async () => {
    await promtool([30, 60, 90].map((after) => ruleTest({ alert: 'None', series: {}, after })));
  });

  for (const one of cases) {
    const means = one.labels === undefined ? 'does not fire for less' : 'fires, and nothing else does';
    test(`KubeRegistrar${one.alert} ${means}`, () => promtool([ruleTest(one)]));
  }

  test('a wrong expectation is noticed', async () => {
    const [fires] = cases;
    await assert.rejects(promtool([ruleTest({ ...fires!, after: 5 })]), /KubeRegistrarAbsent/);
  });
});
