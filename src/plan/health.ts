import { type Check, type CheckStatus, checkStatus, checkStatuses, nodeCheck } from '../model/check.ts';
import type { ObservedCheck, ObservedNode } from './observed.ts';

/** The status that counts among several checks, as Consul's health endpoint decides; passing when there are none. */
export function worst(checks: Iterable<{ readonly status: string }>): CheckStatus {
  let found: CheckStatus = 'passing';
  for (const { status } of checks) found = worseOf(found, checkStatus(status));
  return found;
}

export const worseOf = (a: CheckStatus, b: CheckStatus): CheckStatus =>
  checkStatuses.indexOf(a) >= checkStatuses.indexOf(b) ? a : b;

export function allPassing(checks: Iterable<{ readonly status: string }>): boolean {
  for (const { status } of checks) if (status !== 'passing') return false;
  return true;
}

/** Whether the node check does not keep it out of traffic. A node whose check another program removed is in service. */
export const isInService = ({ checks }: Pick<ObservedNode, 'checks'>): boolean =>
  checks.get(nodeCheck.id)?.status !== 'critical';

/** A wanted check with the status and output of an observed one. */
export const withStatusOf = (
  { status, output }: Pick<ObservedCheck, 'status' | 'output'>,
  check: Check,
): Check => ({ ...check, status: checkStatus(status), output });
