import { describe } from '../lib/errors.ts';
import { NamingError, type Report, warn } from './naming-error.ts';

/** Calls a consumer's function; what it throws or rejects with goes to `report` and no further. */
export function callIsolated(call: () => unknown, what: string, report: Report): void {
  const failed = (thrown: unknown) =>
    report(new NamingError('callback-failed', `${what} threw: ${describe(thrown)}`, { cause: thrown }));
  try {
    const result = call();
    if (result instanceof Promise) void result.catch(failed);
  } catch (thrown) {
    failed(thrown);
  }
}

/** A consumer's `report` that never throws. What it throws becomes a process warning, beside what it was given. */
export function isolatedReport(report: Report): Report {
  return (error) => callIsolated(() => report(error), `report, which was given "${error.message}",`, warn);
}
