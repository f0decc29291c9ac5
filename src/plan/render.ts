import type { FieldChange } from './fields.ts';
import type { Finding } from './finding.ts';
import type { Plan, Step, Summary } from './plan.ts';

export interface RenderOptions {
  /** ANSI colours. Default false. */
  readonly colour?: boolean;
}

const signs = { add: '+', change: '~', remove: '-' } as const;
const colours = { add: 32, change: 33, remove: 31, finding: 35 } as const;

/** The plan as text, a node a paragraph, the summary last; ends with a line break. */
export function renderText({ nodes, summary }: Plan, { colour = false }: RenderOptions = {}): string {
  const paint = (kind: keyof typeof colours, text: string): string =>
    colour ? `\u001b[${colours[kind]}m${text}\u001b[0m` : text;
  const lines: string[] = [];
  for (const { node, steps, findings } of nodes) {
    lines.push(node);
    for (const step of steps) {
      lines.push(paint(step.verb, `  ${signs[step.verb]} ${step.entry} ${printable(titleOf(step))}`));
      for (const field of step.fields) lines.push(`      ${printable(fieldText(field))}`);
    }
    for (const finding of findings) lines.push(paint('finding', `  ! ${printable(findingText(finding))}`));
    lines.push('');
  }
  lines.push(summaryText(summary));
  return `${lines.join('\n')}\n`;
}

/** The plan as JSON for scripts, ends with a line break. An absent `before` or `after` is null. */
export function renderJson(plan: Plan): string {
  const absent = (_key: string, value: unknown): unknown => (value === undefined ? null : value);
  return `${JSON.stringify(plan, absent, 2)}\n`;
}

/** One sentence for logs, Events and the plan. */
export function findingText(finding: Finding): string {
  switch (finding.kind) {
    case 'foreign-owner':
      return {
        agent: `node ${finding.node} is kept by a live Consul agent; nothing on it is touched`,
        'other-owner': `node ${finding.node} belongs to another owner; nothing on it is touched`,
        'no-stamp': `node ${finding.node} exists without our mark; nothing on it is touched`,
      }[finding.reason];
    case 'foreign-instance':
      return `instance ${finding.instance} of ${finding.service} is not ours; left alone`;
    case 'foreign-check':
      return `check ${finding.check} is not ours; left alone`;
    case 'stale':
      return `instance ${finding.instance} of ${finding.service} is kept as it was: what asks for it is wrong`;
    case 'moving':
      return `node ${finding.node} has an earlier name; it goes when its instances are under their new nodes`;
    case 'drift': {
      const name = finding.check ?? finding.instance ?? finding.node;
      const fields = finding.fields.map(fieldText).join('; ');
      return `${finding.entry} ${name} drifted: ${finding.what}${fields === '' ? '' : ` (${fields})`}`;
    }
  }
}

function titleOf({ entry, id, service }: Step): string {
  return entry === 'instance' ? `${id} of ${service}` : id;
}

function fieldText({ field, before, after }: FieldChange): string {
  if (before === undefined) return `${field}: ${quoted(after)}`;
  return `${field}: ${quoted(before)} → ${quoted(after)}`;
}

function quoted(value: string | undefined): string {
  if (value === undefined) return '(none)';
  // Tags come as a JSON array already.
  return /^[\w./:@%+-]+$/.test(value) || value.startsWith('["') ? value : JSON.stringify(value);
}

/** Names of foreign entries are whatever somebody made them; a terminal must not obey them. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

function summaryText({ add, change, remove, findings, nodes }: Summary): string {
  const noticed = findings === 0 ? '' : ` ${findings} ${findings === 1 ? 'finding' : 'findings'}.`;
  if (add + change + remove === 0) return `Nothing to do: Consul is as the cluster wants it.${noticed}`;
  const where = `${nodes} ${nodes === 1 ? 'node' : 'nodes'}`;
  return `Plan: ${add} to add, ${change} to change, ${remove} to remove on ${where}.${noticed}`;
}
