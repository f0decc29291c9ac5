import { type CheckStatus, terminatingOutput } from '../model/check.ts';
import type { PodRecord } from '../model/pod.ts';
import type { HealthPolicy } from './declaration.ts';

/**
 * The gate of a pod that becomes Ready only once it is committed in Consul. The pod's own instance must not wait for
 * the gate.
 */
export const registeredGate = 'kube-registrar.io/registered';

export interface Health {
  readonly status: CheckStatus;
  readonly output: string;
}

/** The state of what is behind an instance. */
export interface Condition {
  readonly subject: keyof typeof terminatingOutput;
  readonly health: Health;
  /** It was asked to stop. */
  readonly terminating: boolean;
}

/** `ContainersNotReady: containers with unready status: [app]`; the fallback when both are empty. */
export function reasonText(reason: string, message: string, fallback: string): string {
  if (reason === '' && message === '') return fallback;
  return reason === '' || message === '' ? `${reason}${message}` : `${reason}: ${message}`;
}

/** Whether a pod has ended and gets no instance. */
export const isFinished = ({ phase }: PodRecord): boolean => phase === 'Succeeded' || phase === 'Failed';

/** A pod's health: its condition Ready, or what Ready would be without our own gate. */
export function podHealth(pod: PodRecord): Health {
  const isReady = isGated(pod) ? isReadyButForGate(pod) : pod.ready;
  if (isReady) return { status: 'passing', output: 'Pod is ready' };
  return { status: 'critical', output: notReadyReason(pod) };
}

/** Whether nothing but our gate keeps the pod from being Ready. */
function isReadyButForGate(pod: PodRecord): boolean {
  // The node controller marks the pods of a silent node not Ready without a reason; no kubelet does.
  const isNodeSilent = !pod.ready && pod.reason === '';
  return pod.containersReady && waitingFor(pod).length === 0 && !isNodeSilent;
}

export function podCondition(pod: PodRecord): Condition {
  return { subject: 'Pod', health: podHealth(pod), terminating: pod.deleting };
}

/** Why a pod is not ready, for people. */
export function notReadyReason(pod: PodRecord): string {
  const gates = isGated(pod) && pod.containersReady ? waitingFor(pod) : [];
  // The condition's own text would also name our gate.
  if (gates.length > 0) return `ReadinessGatesNotReady: waiting for ${gates.join(', ')}`;
  return reasonText(pod.reason, pod.message, 'Pod is not ready');
}

/** Whether a pod carries our gate. */
export const isGated = (pod: PodRecord): boolean => pod.gates.some(({ type }) => type === registeredGate);

const waitingFor = (pod: PodRecord): string[] =>
  pod.gates.filter(({ type, status }) => type !== registeredGate && !status).map(({ type }) => type);

/** Whether an instance is registered in this condition, and with which status. */
export type Presence =
  | { readonly kind: 'registered'; readonly check: Health | undefined }
  | { readonly kind: 'deregistered' };

/**
 * - not terminating: the check follows the health; with `check: none` there is no check
 * - terminating: what `drain` says, but never better than the health, so that `warning` (which stays in
 *   DNS) does not keep what no longer answers. Also with `check: none`: without a check it would pass.
 */
export function presenceOf(
  { subject, health, terminating }: Condition,
  { check, drain }: HealthPolicy,
): Presence {
  if (!terminating) return { kind: 'registered', check: check === 'none' ? undefined : health };
  if (drain === 'deregister') return { kind: 'deregistered' };
  const status = health.status === 'critical' ? 'critical' : drain;
  return { kind: 'registered', check: { status, output: terminatingOutput[subject] } };
}
