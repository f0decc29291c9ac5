import type { Counter, Gauge, Histogram } from '../lib/metrics.ts';

/** All values of a label; `open` when users choose them. */
export type LabelValues = readonly string[] | 'open';

/** One metric of the catalogue. */
export interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Without the prefix `kube_registrar_`. */
  readonly name: string;
  readonly help: string;
  readonly labels: Readonly<Record<string, LabelValues>>;
  /** Upper bounds of the buckets of a histogram. */
  readonly buckets?: readonly number[];
}

type LabelsOf<D extends Definition> = {
  readonly [K in keyof D['labels']]: D['labels'][K] extends readonly string[]
    ? D['labels'][K][number]
    : string;
};

/** The instrument that a definition describes. */
export type InstrumentOf<D extends Definition> = D['type'] extends 'counter'
  ? Counter<LabelsOf<D>>
  : D['type'] extends 'gauge'
    ? Gauge<LabelsOf<D>>
    : Histogram<LabelsOf<D>>;
