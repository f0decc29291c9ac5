import { counted } from '../lib/counted.ts';
import { visible } from '../lib/visible.ts';
import { entryId, entryNoun, entryText, type OfInstance } from '../model/entry-ref.ts';
import type { Problem } from '../model/problem.ts';
import type { FieldChange } from './fields.ts';
import { type Finding, type Held, type HeldBy, isWaiting } from './finding.ts';
import type { HeldBecause } from './guard.ts';
import { unreadSourceText } from './kept.ts';
import type { Plan, Step, Summary } from './plan.ts';

export interface RenderOptions {
  /** ANSI colours. Default false. */
  readonly colour?: boolean;
}

const signs = { add: '+', change: '~', remove: '-' } as const;
const colours = { add: 32, change: 33, remove: 31, finding: 35, held: 2, problem: 31 } as const;

/** The plan as text: a paragraph for each node, the summary last. It ends with a line break. */
export function renderText(
  { nodes, problems, summary }: Plan,
  { colour = false }: RenderOptions = {},
): string {
  const paint = (kind: keyof typeof colours, text: string): string =>
    colour ? `\u001b[${colours[kind]}m${text}\u001b[0m` : text;
  const lines: string[] = [];
  for (const { node, steps, findings } of nodes) {
    lines.push(visible(node));
    for (const step of steps) {
      const [title = '', ...fields] = stepLines(step).map((line) => `  ${visible(line)}`);
      lines.push(paint(step.held ? 'held' : step.verb, title), ...fields);
    }
    for (const finding of findings) lines.push(paint('finding', `  ! ${visible(findingText(finding))}`));
    lines.push('');
  }
  if (problems.length > 0) {
    lines.push('Problems');
    for (const problem of problems) {
      lines.push(
        paint(problem.severity === 'error' ? 'problem' : 'finding', `  ! ${visible(problemText(problem))}`),
      );
    }
    lines.push('');
  }
  lines.push(summaryText(summary));
  return `${lines.join('\n')}\n`;
}

const heldNotes: Readonly<Record<HeldBy, string>> = {
  policy: 'held by the policy',
  guard: 'held by the guard',
  consul: 'refused by Consul',
  conflict: 'held: another writer keeps changing it',
};

/** A step and its fields, one line each. */
export function stepLines(step: Step): string[] {
  const held = step.heldBy === undefined ? '' : ` (${heldNotes[step.heldBy]})`;
  const title = `${signs[step.verb]} ${step.entry} ${titleOf(step)}${held}`;
  return [title, ...step.fields.map((field) => `    ${fieldText(field)}`)];
}

/** One sentence for logs, Events and the plan. `pod`: names the instance by its pod, for readers who know no ids. */
export function findingText(finding: Finding, pod?: string): string {
  switch (finding.kind) {
    case 'foreign-owner':
      return {
        agent: `node ${finding.node} is kept by a live Consul agent; nothing on it is touched`,
        'other-owner': `node ${finding.node} belongs to another owner; nothing on it is touched`,
        'no-stamp': `node ${finding.node} exists without this operator's stamp; nothing on it is touched`,
      }[finding.reason];
    case 'foreign-instance':
      return `${instanceText(finding, pod)} has another owner; left alone`;
    case 'foreign-check':
      return `check ${finding.check} has another owner; left alone`;
    case 'stale':
      return `${instanceText(finding, pod)} is kept as it was, because the annotations that ask for it are wrong`;
    case 'handed-over':
      return `${instanceText(finding, pod)} stays until the new addresses of its Service are registered`;
    case 'unread':
      return `${instanceText(finding, pod)} is kept as it was: ${unreadSourceText(finding.source)} cannot be read`;
    case 'moving':
      return `node ${finding.node} has an earlier name; it is removed once its instances are under their new nodes`;
    case 'held':
      return heldText(finding, pod);
    case 'shared-name': {
      const { service, namespaces, takenFrom } = finding;
      const now = `service ${service} has instances of ${namespaces.length === 1 ? 'namespace' : 'namespaces'} ${namespaces.join(', ')}`;
      return takenFrom.length === 0 ? now : `${now}; before, it belonged to ${takenFrom.join(', ')}`;
    }
    case 'drift': {
      const fields = finding.fields.map(fieldText).join('; ');
      return `${entryNoun(finding.at)} ${entryId(finding.at)} drifted: ${finding.what}${fields === '' ? '' : ` (${fields})`}`;
    }
  }
}

const instanceText = ({ instance, service }: OfInstance, pod: string | undefined): string =>
  pod === undefined ? `instance ${instance} of ${service}` : podInstanceText(pod, service);

/** How people name an instance: `shop/web-1 (web)`. */
export const podInstanceText = (pod: string, service: string): string => `${pod} (${service})`;

function problemText({ object, reason, field, message, severity }: Problem): string {
  const where = object.namespace === '' ? object.name : `${object.namespace}/${object.name}`;
  const what = field === '' ? message : `${field}: ${message}`;
  return `${object.kind} ${where}: ${what} (${reason}${severity === 'warning' ? ', warning' : ''})`;
}

const heldReasons: Readonly<Record<HeldBecause, string>> = {
  limit: 'nothing explains its absence, and more are missing than the limit allows',
  present: 'a consistent read still finds its object',
  forbidden: 'the right to read its object is missing',
  failed: 'its object could not be read again',
  pinned: 'a person pinned it',
  'upsert-only': 'the policy upsert-only never removes',
  'dry-run': 'the policy dry-run writes nothing',
  denied: 'Consul does not allow the token to write it',
  refused: 'Consul refuses it',
  conflict: 'another writer keeps changing it, so repairs are made at growing intervals',
  panic: "too many of its service's instances would become critical because of their nodes",
};

const kept = {
  removal: 'stays registered',
  health: 'keeps its last status',
  write: 'is not written',
} as const;

function heldText(held: Held, pod: string | undefined): string {
  const { by, what, at, because, error, until } = held;
  const where = at.kind === 'instance' ? instanceText(at, pod) : entryText(at);
  const said = error === undefined ? '' : ` (${error})`;
  if (!isWaiting(held)) {
    return by === 'conflict'
      ? `${where} was changed repeatedly by another writer; the next change is repaired at once`
      : `${where} is retried now: ${heldReasons[because]}${said}`;
  }
  const time = until === undefined ? undefined : timeText(until);
  const end =
    time === undefined ? '' : by === 'guard' ? `; until ${time} at the latest` : `; next try ${time}`;
  return `${where} ${kept[what]}: ${heldReasons[because]}${said}${end}`;
}

/** To the second; nothing is more exact. */
const timeText = (wall: number): string => new Date(wall).toISOString().replace(/\.\d+/, '');

function titleOf({ entry, id, service }: Step): string {
  return entry === 'instance' ? `${id} of ${service}` : id;
}

/** `tags: ["a"] → ["b"]` */
export function fieldText({ field, before, after }: FieldChange): string {
  if (before === undefined) return `${field}: ${quoted(after)}`;
  return `${field}: ${quoted(before)} → ${quoted(after)}`;
}

function quoted(value: string | undefined): string {
  if (value === undefined) return '(none)';
  // Tags are a JSON array already.
  return /^[\w./:@%+-]+$/.test(value) || value.startsWith('["') ? value : JSON.stringify(value);
}

function summaryText(summary: Summary): string {
  const { add, change, remove, held, heldByGuard, heldByConsul, heldByConflict } = summary;
  const { findings, problems, nodes } = summary;
  const heldByPolicy = held - heldByGuard - heldByConsul - heldByConflict;
  const noticed = [
    heldByPolicy === 0 ? '' : ` ${heldByPolicy} held by the policy.`,
    heldByGuard === 0 ? '' : ` ${heldByGuard} held by the guard.`,
    heldByConsul === 0 ? '' : ` ${heldByConsul} refused by Consul.`,
    heldByConflict === 0 ? '' : ` ${heldByConflict} held because of conflicts.`,
    findings === 0 ? '' : ` ${counted(findings, 'finding')}.`,
    problems === 0 ? '' : ` ${counted(problems, 'problem')}.`,
  ].join('');
  if (add + change + remove > 0) {
    return `Plan: ${add} to add, ${change} to change, ${remove} to remove on ${counted(nodes, 'node')}.${noticed}`;
  }
  if (heldByPolicy > 0) return `Nothing to do under this policy.${noticed}`;
  if (held > 0) return `Nothing to do for now.${noticed}`;
  return `Nothing to do: Consul is in sync with the cluster.${noticed}`;
}
