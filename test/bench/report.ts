/** One figure, what it may be, and whether it is. */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Neither: no budget, for comparison only. */
  readonly most?: number;
  readonly least?: number;
  readonly verdict: 'met' | 'missed' | '';
}

/** What was measured in one run. */
export class Report {
  readonly #rows: Row[] = [];

  /** `most`: undefined when there is no budget. Prints the row at once, too. */
  row(what: string, unit: string, value: number, most?: number): void {
    if (most === undefined) this.#add({ what, unit, value, verdict: '' });
    else this.#add({ what, unit, value, most, verdict: value <= most ? 'met' : 'missed' });
  }

  /** A figure that may not be lower. */
  atLeast(what: string, unit: string, value: number, least: number): void {
    this.#add({ what, unit, value, least, verdict: value >= least ? 'met' : 'missed' });
  }

  /** Rows with percentiles of the times, in milliseconds. `mostP50`, `mostP99`: budgets, if any. */
  times(what: string, values: readonly number[], mostP50?: number, mostP99?: number): void {
    this.row(`${what}, p50`, 'ms', percentile(values, 0.5), mostP50);
    this.row(`${what}, p99`, 'ms', percentile(values, 0.99), mostP99);
  }

  /** As a table, then as one line of JSON. */
  print(about: Readonly<Record<string, unknown>>): void {
    const cells = this.#rows.map((row) => [
      row.what,
      `${row.value < 10 ? row.value.toFixed(1) : row.value.toFixed(0)} ${row.unit}`,
      budgetOf(row),
      row.verdict,
    ]);
    const head = ['', 'measured', 'budget', ''];
    const widths = head.map((_, column) => Math.max(...[head, ...cells].map((row) => row[column]!.length)));
    for (const row of [head, ...cells]) {
      console.log(
        row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd(),
      );
    }
    console.log(JSON.stringify({ ...about, rows: this.#rows }));
  }

  #add(row: Row): void {
    const value = Math.round(row.value * 100) / 100;
    this.#rows.push({ ...row, value });
    const verdict = row.verdict === '' ? '' : ` (${budgetOf(row)}: ${row.verdict})`;
    console.error(`  ${row.what}: ${value} ${row.unit}${verdict}`);
  }
}

function budgetOf({ most, least, unit }: Row): string {
  if (most !== undefined) return `≤ ${most} ${unit}`.trimEnd();
  return least === undefined ? '' : `≥ ${least} ${unit}`.trimEnd();
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
