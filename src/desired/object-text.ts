import type { GatewayRecord } from '../model/gateway.ts';
import type { Instance } from '../model/instance.ts';
import type { PodRecord } from '../model/pod.ts';
import type { RouteRecord } from '../model/route.ts';
import type { ServiceRecord } from '../model/service.ts';
import { effectOf } from './annotation-effects.ts';
import { type Dialect, isForeign } from './dialects/dialect.ts';
import { isFinished, notReadyReason, reasonText } from './health.ts';
import { isSwitchedOff } from './read-annotations.ts';

/** Where a pod runs and how it is, or why it cannot be registered yet. */
export function podText(pod: PodRecord): string {
  if (isFinished(pod)) return `has ended (${pod.phase}): ended pods are not registered`;
  if (pod.node === '') return 'is not scheduled to a node yet: it has no address to register';
  const where = `runs on node ${pod.node}`;
  if (pod.ips.length === 0) return `${where} and has no address yet: it is registered as soon as it has one`;
  const health = pod.deleting ? 'terminating' : pod.ready ? 'ready' : `not ready: ${notReadyReason(pod)}`;
  return `${where}, ${pod.ips.join(' and ')}, ${health}`;
}

/** What a Gateway gives to its routes, or why it gives nothing. */
export function gatewayTexts({ addresses, listeners, accepted, programmed }: GatewayRecord): string[] {
  const where = addresses.length === 0 ? 'has no address in its status yet' : `has ${addresses.join(', ')}`;
  const ports = listeners.map(({ name, port, protocol }) => `${name} (${protocol} ${port})`);
  const states = Object.entries({ Accepted: accepted, Programmed: programmed }).map(
    ([type, { status, reason, message }]) =>
      `${type} is ${status}${status === 'True' ? '' : `: ${reasonText(reason, message, 'no reason is given')}`}`,
  );
  return [`${where}; listeners: ${ports.join(', ') || 'none'}`, ...states];
}

/** Longer values are cut: the list `services` may have kilobytes. */
const shownLength = 160;

/**
 * What asks for an object's instances: its own annotations, with what they have become in `instances`, these Services
 * in front of it, or what `scope` says of its namespace and of the configuration; see `scopeTexts()`.
 */
export function requestTexts(
  record: PodRecord | ServiceRecord | RouteRecord,
  instances: readonly Instance[],
  askedBy: readonly string[],
  prefix: string,
  dialects: readonly Dialect[] = [],
  scope: readonly string[] = [],
): string[] {
  // What is foreign there could not be followed; problems say why.
  const own = Object.entries(record.annotations)
    .filter(([name]) => !isForeign(name))
    .sort(([one], [other]) => (one < other ? -1 : 1));
  const others = dialects.map(({ name }) => name);
  const how = others.length === 0 ? '' : ` (the ones of ${others.join(', ')} are translated)`;
  const lines = own.length === 0 ? [] : [`asks with its annotations${how}:`];
  for (const [name, value] of own) {
    const effect = effectOf(name, instances);
    const text = JSON.stringify(value.length > shownLength ? `${value.slice(0, shownLength)}…` : value);
    lines.push(`  ${prefix}${name}: ${text}${effect === undefined ? '' : ` → ${effect}`}`);
  }
  if (isSwitchedOff(record.annotations)) {
    const what =
      'ips' in record ? 'neither its own annotations nor a Service asks for it' : 'it asks for nothing';
    lines.push(`${prefix}service is "false": ${what}`);
  } else if (askedBy.length > 0) lines.push(`is asked for by ${askedBy.join(', ')}`);
  lines.push(...scope);
  if (lines.length === 0) {
    lines.push(
      `nothing asks for it: neither it nor a Service in front of it has the annotation ${prefix}service`,
    );
  }
  return lines;
}
