/**
 * What the operator counts with, so that nothing but metrics/ knows Prometheus. Labels are bounded: the
 * catalogue in metrics/ names their values, and a series for something that is gone is gone too.
 */
export type Labels = Readonly<Record<string, string>>;
/** Labels of an instrument that has none. */
export type NoLabels = Readonly<Record<never, string>>;
/** The last arguments of an instrument's methods: the labels, or nothing when it has none. */
export type LabelArgs<L extends Labels> = keyof L extends never ? [] : [labels: L];

export interface Sample<L extends Labels = NoLabels> {
  readonly labels: L;
  readonly value: number;
}

type Samples<L extends Labels> = Iterable<Sample<L>>;

/** An instrument whose series can be read when somebody looks, instead of being kept up to date. */
export interface Collected<L extends Labels> {
  /**
   * From now on the series are exactly what `read` gives at each scrape: for what is cheap to read and
   * changes all the time (an age, a depth), and for what counts itself. A `read` that takes long lets other work run
   * in between. One that fails leaves the series as they were.
   */
  collect(read: () => Samples<L> | Promise<Samples<L>>): void;
}

export interface Counter<L extends Labels = NoLabels> extends Collected<L> {
  /** Adds one. */
  inc(...labels: LabelArgs<L>): void;
  /** Adds `amount`, which is not negative. */
  add(amount: number, ...labels: LabelArgs<L>): void;
}

export interface Gauge<L extends Labels = NoLabels> extends Collected<L> {
  set(value: number, ...labels: LabelArgs<L>): void;
  /** The complete set of series: those that are not among `samples` end. */
  replace(samples: Iterable<Sample<L>>): void;
}

export interface Histogram<L extends Labels = NoLabels> {
  observe(value: number, ...labels: LabelArgs<L>): void;
}

export const noopCounter: Counter<Labels> = { inc() {}, add() {}, collect() {} };
export const noopGauge: Gauge<Labels> = { set() {}, replace() {}, collect() {} };
export const noopHistogram: Histogram<Labels> = { observe() {} };
