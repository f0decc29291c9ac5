import type { OperatorProcess } from './operator-process.ts';
import type { Report } from './report.ts';

/** Of an operator that was started with `STALLS` and has stopped; otherwise nothing. */
export function reportStalls(report: Report, operator: OperatorProcess): void {
  const [worst] = operator.stalls();
  if (worst === undefined) return;
  report.row('processor time of the worst stall', 'ms', worst.cpuMs, 50);
  for (const { ms, cpuMs, collecting, at, ran } of operator.stalls().slice(0, 8)) {
    const share = `${Math.round(cpuMs)} ms of a processor, ${Math.round(100 * collecting)} % collection`;
    console.error(`  stall of ${Math.round(ms)} ms, ${at.toFixed(1)} s after the start, ${share}: ${ran}`);
  }
}
