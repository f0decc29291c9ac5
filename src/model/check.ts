import type { CheckId } from './keys.ts';

/** The statuses Consul knows. In a transaction it accepts anything else too, so we must not send it. */
export type CheckStatus = 'passing' | 'warning' | 'critical';

/** What the readiness check of an instance says once its pod, or its endpoint, was told to stop. */
export const terminatingOutput = {
  Pod: 'Pod is terminating',
  Endpoint: 'Endpoint is terminating',
} as const;

export interface Check {
  readonly id: CheckId;
  readonly name: string;
  readonly type: string;
  readonly status: CheckStatus;
  /** Why the status is what it is: the readiness condition's reason and message. */
  readonly output: string;
}
