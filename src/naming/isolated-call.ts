import { describe } from '../lib/errors.ts';
import { NamingError, type Report } from './naming-error.ts';

/** Calls a consumer's function; what it throws or rejects with goes to `report` and no further. */
export function callIsolated(call: () => void | Promise<void>, what: string, report: Report): void {
  const failed = (thrown: unknown) =>
    report(new NamingError('callback-failed', `${what} threw: ${describe(thrown)}`, { cause: thrown }));
  try {
    const result = call();
    if (result instanceof Promise) void result.catch(failed);
  } catch (thrown) {
    failed(thrown);
  }
}
