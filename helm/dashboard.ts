/** The panels of the Grafana dashboard: the one list it is made from. */
interface Panel {
  readonly title: string;
  readonly unit?: string;
  readonly type?: 'stat' | 'timeseries';
  /** Width of 24. Default 8. */
  readonly width?: number;
  readonly queries: readonly (readonly [expression: string, legend: string])[];
}

/** What every query selects by: the variables at the top of the dashboard. */
const of = 'job=~"$job",namespace=~"$namespace"';
const pods = `${of},pod=~"$pod"`;
/** Of metrics whose label `namespace` is the one that is watched, and not the operator's. */
const watchers = 'job=~"$job",pod=~"$pod"';

const rows: Readonly<Record<string, readonly Panel[]>> = {
  'At a glance': [
    stat('Instances', `sum(max by (service, status) (kube_registrar_instances{${of}}))`),
    stat('Passing', `sum(max by (service) (kube_registrar_instances{${of},status="passing"}))`),
    stat('Leaders', `sum(kube_registrar_leader{${of}})`),
    stat('Held', `sum(max by (by, kind) (kube_registrar_held_operations{${of}}))`),
    stat('Consul answers', `max(kube_registrar_consul_up{${of}})`),
    stat('Refused registrations', `sum(max by (reason) (kube_registrar_problems{${of}}))`),
    stat(
      'Since full comparison',
      `time() - max(kube_registrar_last_full_sync_timestamp_seconds{${of}})`,
      's',
    ),
    stat('Versions', `count by (version) (kube_registrar_build_info{${of}})`),
  ],
  'From Kubernetes to Consul': [
    {
      title: 'Propagation: event received to committed',
      unit: 's',
      queries: [0.5, 0.95, 0.99].map((q) => quantile(q, 'kube_registrar_propagation_seconds')),
    },
    {
      title: 'Transactions: time to answer',
      unit: 's',
      queries: [0.5, 0.99].map((q) => quantile(q, 'kube_registrar_txn_seconds')),
    },
    {
      title: 'Changes by verb',
      unit: 'ops',
      queries: [
        [`sum by (verb) (rate(kube_registrar_operations_total{${pods}}[$__rate_interval]))`, '{{verb}}'],
      ],
    },
    {
      title: 'Changes that did not succeed',
      unit: 'ops',
      queries: [
        [
          `sum by (verb, result) (rate(kube_registrar_operations_total{${pods},result!="committed"}[$__rate_interval]))`,
          '{{verb}} {{result}}',
        ],
      ],
    },
    {
      title: 'Drift: what others did to our entries',
      queries: [
        [`sum by (kind) (increase(kube_registrar_drift_total{${pods}}[$__rate_interval]))`, '{{kind}}'],
        [`sum by (entry) (kube_registrar_contended_entries{${pods}})`, 'contended: {{entry}}'],
      ],
    },
    {
      title: 'Wakes by Consul',
      queries: [
        [
          `sum by (led_to) (rate(kube_registrar_consul_wakes_total{${pods}}[$__rate_interval]))`,
          'led to {{led_to}}',
        ],
      ],
    },
    {
      title: 'Problems by reason',
      queries: [[`max by (reason) (kube_registrar_problems{${of}})`, '{{reason}}']],
    },
  ],
  Services: [
    {
      title: 'Instances by status',
      width: 12,
      queries: [
        [`sum by (status) (max by (service, status) (kube_registrar_instances{${of}}))`, '{{status}}'],
      ],
    },
    {
      title: 'Services with instances that do not pass',
      width: 12,
      queries: [
        [
          `sum by (service) (max by (service, status) (kube_registrar_instances{${of},status!="passing"})) > 0`,
          '{{service}}',
        ],
      ],
    },
  ],
  'Who writes, and what is held': [
    {
      title: 'Leader',
      queries: [[`max by (pod) (kube_registrar_leader{${pods}})`, '{{pod}}']],
    },
    {
      title: 'Hand-overs of the lease',
      queries: [[`max(changes(kube_registrar_lease_transitions{${of}}[$__rate_interval]))`, 'hand-overs']],
    },
    {
      title: 'Leaders whose writes Consul does not fence',
      queries: [
        [
          `max by (pod) (kube_registrar_leader{${pods}}) > max by (pod) (kube_registrar_writes_fenced{${pods}})`,
          '{{pod}}',
        ],
      ],
    },
    {
      title: 'Held: kept against what the cluster says',
      queries: [[`max by (by, kind) (kube_registrar_held_operations{${of}})`, '{{by}}: {{kind}}']],
    },
    {
      title: 'Until what is held goes by itself',
      unit: 's',
      queries: [[`max by (kind) (kube_registrar_held_until_seconds{${of}})`, '{{kind}}']],
    },
    {
      title: 'Removed, by why it could go',
      queries: [
        [
          `sum by (because) (increase(kube_registrar_removals_total{${pods}}[$__rate_interval]))`,
          '{{because}}',
        ],
      ],
    },
    {
      title: 'Logins to Consul',
      queries: [
        [
          `sum by (result) (increase(kube_registrar_acl_logins_total{${pods}}[$__rate_interval]))`,
          '{{result}}',
        ],
      ],
    },
    {
      title: 'Events not written',
      queries: [
        [
          `sum by (because) (increase(kube_registrar_events_dropped_total{${pods}}[$__rate_interval]))`,
          '{{because}}',
        ],
      ],
    },
  ],
  'Watching Kubernetes': [
    {
      title: 'Queue',
      queries: [[`sum by (pod) (kube_registrar_queue_depth{${pods}})`, '{{pod}}']],
    },
    {
      title: 'Oldest in the queue',
      unit: 's',
      queries: [[`max by (pod) (kube_registrar_queue_oldest_seconds{${pods}})`, '{{pod}}']],
    },
    {
      title: 'Reflectors that fail',
      queries: [
        [`max by (pod, resource) (kube_registrar_reflector_failing{${watchers}})`, '{{pod}} {{resource}}'],
      ],
    },
    {
      title: 'Silence of the reflectors',
      unit: 's',
      queries: [
        [`max by (resource) (kube_registrar_reflector_last_event_age_seconds{${watchers}})`, '{{resource}}'],
      ],
    },
    {
      title: 'Lists read again',
      queries: [
        [
          `sum by (resource) (increase(kube_registrar_reflector_relists_total{${watchers}}[$__rate_interval]))`,
          '{{resource}}',
        ],
      ],
    },
    {
      title: 'Objects held',
      queries: [[`max by (resource) (kube_registrar_store_objects{${watchers}})`, '{{resource}}']],
    },
  ],
  'The process': [
    {
      title: 'Memory',
      unit: 'bytes',
      queries: [
        [`process_resident_memory_bytes{${pods}}`, 'resident {{pod}}'],
        [`nodejs_heap_size_used_bytes{${pods}}`, 'heap {{pod}}'],
      ],
    },
    {
      title: 'CPU',
      queries: [[`rate(process_cpu_seconds_total{${pods}}[$__rate_interval])`, '{{pod}}']],
    },
    {
      title: 'Event loop lag, p99',
      unit: 's',
      queries: [[`nodejs_eventloop_lag_p99_seconds{${pods}}`, '{{pod}}']],
    },
  ],
};

function stat(title: string, expression: string, unit = 'short'): Panel {
  return { title, type: 'stat', unit, width: 3, queries: [[expression, '{{version}}']] };
}

function quantile(q: number, metric: string): readonly [string, string] {
  return [
    `histogram_quantile(${q}, sum by (le) (rate(${metric}_bucket{${pods}}[$__rate_interval])))`,
    `p${q * 100}`,
  ];
}

/** The dashboard in Grafana's JSON model. */
export function dashboard(): Readonly<Record<string, unknown>> {
  const panels: unknown[] = [];
  let y = 0;
  for (const [title, list] of Object.entries(rows)) {
    panels.push({ id: panels.length + 1, type: 'row', title, gridPos: { x: 0, y, w: 24, h: 1 }, panels: [] });
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of list) {
      const w = panel.width ?? 8;
      height = panel.type === 'stat' ? 4 : 8;
      if (x + w > 24) {
        x = 0;
        y += height;
      }
      panels.push(panelModel(panel, panels.length + 1, { x, y, w, h: height }));
      x += w;
    }
    y += height;
  }
  return {
    uid: 'kube-registrar',
    title: 'kube-registrar',
    tags: ['consul', 'kubernetes'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        variable('job', 'kube_registrar_build_info'),
        variable('namespace', 'kube_registrar_build_info{job=~"$job"}'),
        variable('pod', 'kube_registrar_build_info{job=~"$job",namespace=~"$namespace"}'),
      ],
    },
    panels,
  };
}

const datasource = { type: 'prometheus', uid: '$datasource' };

function panelModel(
  { title, type = 'timeseries', unit = 'short', queries }: Panel,
  id: number,
  gridPos: object,
) {
  return {
    id,
    type,
    title,
    datasource,
    gridPos,
    fieldConfig: { defaults: { unit }, overrides: [] },
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat,
      ...(type === 'stat' ? { instant: true } : {}),
    })),
  };
}

function variable(name: string, metric: string) {
  return {
    name,
    type: 'query',
    datasource,
    query: { query: `label_values(${metric}, ${name})`, refId: name },
    refresh: 2,
    includeAll: true,
    multi: true,
    current: { text: 'All', value: '$__all' },
  };
}
