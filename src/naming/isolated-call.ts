import { describe } from '../lib/errors.ts';
import { NamingError, type Report, warn } from './naming-error.ts';

/** Calls a consumer's function. An error that it throws or rejects with goes to `report` only. */
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

/** A consumer's `report` that never throws. Its own error becomes a process warning, with the error it was given. */
export function isolatedReport(report: Report): Report {
  return (error) => callIsolated(() => report(error), `report, which was given "${error.message}",`, warn);
}
