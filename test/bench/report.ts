/** One figure, what it may be, and whether it is. */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Undefined: no budget, for comparison only. */
  readonly most: number | undefined;
  readonly verdict: 'met' | 'missed' | '';
}

/** What was measured in one run. */
export class Report {
  readonly #rows: Row[] = [];

  /** `most`: undefined when there is no budget. Prints the row at once, too. */
  row(what: string, unit: string, value: number, most?: number): void {
    const rounded = Math.round(value * 100) / 100;
    const verdict = most === undefined ? '' : value <= most ? 'met' : 'missed';
    this.#rows.push({ what, value: rounded, unit, most, verdict });
    console.error(`  ${what}: ${rounded} ${unit}${most === undefined ? '' : ` (≤ ${most}: ${verdict})`}`);
  }

  /** As a table, then as one line of JSON. */
  print(about: Readonly<Record<string, unknown>>): void {
    const cells = this.#rows.map(({ what, value, unit, most, verdict }) => [
      what,
      `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${unit}`,
      most === undefined ? '' : `≤ ${most} ${unit}`,
      verdict,
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
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
