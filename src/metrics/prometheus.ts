import client from 'prom-client';
import type { Counter, Gauge, Histogram, Labels, Sample } from '../lib/metrics.ts';
import type { Pause } from '../lib/pause.ts';
import { closedLabels, type Metrics, metricPrefix, metricsFrom } from './catalogue.ts';
import type { Definition } from './definition.ts';

export interface PrometheusMetrics {
  readonly metrics: Metrics;
  /** Value of the header Content-Type for `text()`. */
  readonly contentType: string;
  /** All series in the Prometheus text format. `pause`: between two metrics. Default: none. */
  text(pause?: Pause): Promise<string>;
}

export interface PrometheusOptions {
  readonly version: string;
  /** Adds prom-client's metrics of the process and the event loop. Default true. */
  readonly processMetrics?: boolean;
}

/** The catalogue as Prometheus instruments in a new registry. */
export function prometheusMetrics({ version, processMetrics = true }: PrometheusOptions): PrometheusMetrics {
  const registry = new client.Registry();
  const metrics = metricsFrom((definition) => instrument(registry, definition));
  metrics.buildInfo.set(1, { version, node_version: process.version });
  if (processMetrics) client.collectDefaultMetrics({ register: registry });
  return { metrics, contentType: registry.contentType, text: (pause = noPause) => textOf(registry, pause) };
}

const noPause: Pause = () => undefined;

/** As registry.metrics(), which would collect and write all of them at once. */
async function textOf(registry: client.Registry, pause: Pause): Promise<string> {
  const texts: string[] = [];
  for (const { name } of registry.getMetricsAsArray()) {
    texts.push(await registry.getSingleMetricAsString(name));
    const due = pause();
    if (due !== undefined) await due;
  }
  return `${texts.join('\n\n')}\n`;
}

function instrument(registry: client.Registry, definition: Definition) {
  switch (definition.type) {
    case 'counter':
      return counter(registry, definition);
    case 'gauge':
      return gauge(registry, definition);
    case 'histogram':
      return histogram(registry, definition);
  }
}

type Read = Parameters<Gauge<Labels>['collect']>[0];

/** Called by the registry at each scrape; see Collected in lib/metrics.ts. */
class Collector {
  #read: Read | undefined;

  set(read: Read): void {
    this.#read = read;
  }

  async run(replace: (samples: readonly Sample<Labels>[]) => void): Promise<void> {
    if (this.#read === undefined) return;
    let samples: readonly Sample<Labels>[];
    try {
      samples = [...(await this.#read())];
    } catch {
      return; // One failing reading must not fail the whole scrape.
    }
    replace(samples);
  }
}

function counter(registry: client.Registry, definition: Definition): Counter<Labels> {
  const collector = new Collector();
  const metric = new client.Counter({
    ...basics(registry, definition),
    collect: () =>
      collector.run((samples) => {
        metric.reset();
        for (const { labels, value } of samples) metric.inc({ ...labels }, value);
      }),
  });
  // rate() does not see the first event of a series that only appears with that event.
  for (const labels of closedLabels(definition)) metric.inc({ ...labels }, 0);
  return {
    inc: (labels?: Labels) => metric.inc({ ...labels }, 1),
    add: (amount, labels?: Labels) => metric.inc({ ...labels }, amount),
    collect: (read) => collector.set(read),
  };
}

function gauge(registry: client.Registry, definition: Definition): Gauge<Labels> {
  const collector = new Collector();
  const replace = (samples: Iterable<Sample<Labels>>): void => {
    metric.reset();
    for (const { labels, value } of samples) metric.set({ ...labels }, value);
  };
  const metric = new client.Gauge({ ...basics(registry, definition), collect: () => collector.run(replace) });
  return {
    set: (value, labels?: Labels) => metric.set({ ...labels }, value),
    replace,
    collect: (read) => collector.set(read),
  };
}

function histogram(registry: client.Registry, definition: Definition): Histogram<Labels> {
  const metric = new client.Histogram({
    ...basics(registry, definition),
    buckets: [...(definition.buckets ?? [])],
  });
  return { observe: (value, labels?: Labels) => metric.observe({ ...labels }, value) };
}

function basics(registry: client.Registry, { name, help, labels }: Definition) {
  return { name: metricPrefix + name, help, labelNames: Object.keys(labels), registers: [registry] };
}
