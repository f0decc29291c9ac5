import { quote } from './mistake.ts';

const name = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const prefix = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/;
const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/;
const comparison = /^([^=!<>]+)(==|=|!=|>|<)([^=!<>]*)$/;

/** Labels of an object. */
type Labels = Readonly<Record<string, string>>;
/** Whether a selector selects an object with these labels. */
export type LabelSelector = (labels: Labels) => boolean;

/** One condition of a selector. All of them have to hold. */
type Requirement =
  | { readonly kind: 'exists' | 'absent'; readonly key: string }
  | { readonly kind: 'in' | 'notin'; readonly key: string; readonly values: readonly string[] }
  | { readonly kind: '>' | '<'; readonly key: string; readonly value: string };

/**
 * What is wrong with a label selector, by the rules of the API server (k8s.io/apimachinery, labels.Parse);
 * undefined when nothing is. Empty text selects everything and is right.
 */
export function labelSelectorMistake(text: string): string | undefined {
  const read = requirementsOf(text);
  return typeof read === 'string' ? read : first(read, requirementMistake);
}

/** The selector of a text without mistakes. As in the API server, `!=` and `notin` select objects without the label, too. */
export function labelSelector(text: string): LabelSelector {
  const read = requirementsOf(text);
  if (typeof read === 'string') throw new TypeError(read);
  return (labels) => read.every((requirement) => holds(requirement, labels));
}

/** The labels that decide whether the selector selects an object; none for undefined. */
export function selectedLabels(text: string | undefined): (labels: Labels | undefined) => Labels {
  const read = requirementsOf(text ?? '');
  if (typeof read === 'string') throw new TypeError(read);
  const keys = [...new Set(read.map(({ key }) => key))].sort();
  return (labels = {}) =>
    Object.fromEntries(keys.flatMap((key) => (Object.hasOwn(labels, key) ? [[key, labels[key]!]] : [])));
}

function holds(requirement: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.kind) {
    case 'exists':
      return value !== undefined;
    case 'absent':
      return value === undefined;
    case 'in':
      return value !== undefined && requirement.values.includes(value);
    case 'notin':
      return value === undefined || !requirement.values.includes(value);
    case '>':
      return value !== undefined && /^-?\d+$/.test(value) && BigInt(value) > BigInt(requirement.value);
    case '<':
      return value !== undefined && /^-?\d+$/.test(value) && BigInt(value) < BigInt(requirement.value);
  }
}

/** The requirements of a selector, or what keeps it from being read. */
function requirementsOf(text: string): readonly Requirement[] | string {
  if (text.trim() === '') return [];
  const requirements: Requirement[] = [];
  for (const part of partsOf(text)) {
    const read = requirementOf(part.trim());
    if (typeof read === 'string') return read;
    requirements.push(read);
  }
  return requirements;
}

/** Split at the commas outside parentheses. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let isInside = false;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '(') isInside = true;
    if (text[at] === ')') isInside = false;
    if (text[at] !== ',' || isInside) continue;
    parts.push(text.slice(start, at));
    start = at + 1;
  }
  return [...parts, text.slice(start)];
}

function requirementOf(text: string): Requirement | string {
  if (text === '') return 'there is nothing next to a comma; remove the comma';
  const ofSet = set.exec(text);
  if (ofSet !== null) {
    const [, key = '', operator, list = ''] = ofSet;
    return {
      kind: operator === 'in' ? 'in' : 'notin',
      key,
      values: list.split(',').map((each) => each.trim()),
    };
  }
  const compared = comparison.exec(text);
  if (compared !== null) {
    const [, key = '', operator, value = ''] = compared;
    const at = { key: key.trim(), value: value.trim() };
    if (operator === '>' || operator === '<') return { kind: operator, ...at };
    return { kind: operator === '!=' ? 'notin' : 'in', key: at.key, values: [at.value] };
  }
  const isAbsent = text.startsWith('!');
  const key = isAbsent ? text.slice(1).trim() : text;
  if (/[\s()=!<>]/.test(key)) {
    return `${quote(text)} is not a requirement; write "key=value", "key!=value", "key in (a, b)", "key" or "!key"`;
  }
  return { kind: isAbsent ? 'absent' : 'exists', key };
}

function requirementMistake(requirement: Requirement): string | undefined {
  return (
    keyMistake(requirement.key) ??
    ('values' in requirement ? first(requirement.values, valueMistake) : undefined) ??
    ('value' in requirement ? numberMistake(requirement.value) : undefined)
  );
}

function keyMistake(key: string): string | undefined {
  const slash = key.indexOf('/');
  const isRight =
    slash < 0
      ? name.test(key)
      : slash <= 253 && prefix.test(key.slice(0, slash)) && name.test(key.slice(slash + 1));
  if (isRight) return undefined;
  return `${quote(key)} is not a label key; use letters, digits, "-", "_" and ".", at most 63, optionally after a DNS name and a slash`;
}

const valueMistake = (value: string): string | undefined =>
  value === '' || name.test(value)
    ? undefined
    : `${quote(value)} is not a label value; use letters, digits, "-", "_" and ".", at most 63`;

const numberMistake = (value: string): string | undefined =>
  /^-?\d+$/.test(value) ? undefined : `${quote(value)} is not a whole number; "<" and ">" compare numbers`;

function first<T>(items: readonly T[], mistakeOf: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const mistake = mistakeOf(item);
    if (mistake !== undefined) return mistake;
  }
  return undefined;
}
