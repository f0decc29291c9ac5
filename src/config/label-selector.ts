import { quote } from './fields.ts';

const name = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const prefix = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/;
const set = /^(\S+)\s+(?:in|notin)\s*\(([^()]*)\)$/;
const comparison = /^([^=!<>]+)(==|=|!=|>|<)([^=!<>]*)$/;

/**
 * What is wrong with a label selector, by the rules of the API server (k8s.io/apimachinery, labels.Parse);
 * undefined when nothing is. Empty text selects everything and is right.
 */
export function labelSelectorMistake(text: string): string | undefined {
  if (text.trim() === '') return undefined;
  for (const part of partsOf(text)) {
    const mistake = requirementMistake(part.trim());
    if (mistake !== undefined) return mistake;
  }
  return undefined;
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

function requirementMistake(requirement: string): string | undefined {
  if (requirement === '') return 'there is nothing beside a comma; remove the comma';
  const ofSet = set.exec(requirement);
  if (ofSet !== null) {
    const [, key = '', values = ''] = ofSet;
    return keyMistake(key) ?? first(values.split(','), valueMistake);
  }
  const compared = comparison.exec(requirement);
  if (compared !== null) {
    const [, key = '', operator = '', value = ''] = compared;
    const isNumeric = operator === '>' || operator === '<';
    return keyMistake(key.trim()) ?? (isNumeric ? numberMistake(value) : valueMistake(value));
  }
  const key = requirement.startsWith('!') ? requirement.slice(1).trim() : requirement;
  if (/[\s()=!<>]/.test(key)) {
    return `${quote(requirement)} is no requirement; write "key=value", "key!=value", "key in (a, b)", "key" or "!key"`;
  }
  return keyMistake(key);
}

function keyMistake(key: string): string | undefined {
  const slash = key.indexOf('/');
  const isRight =
    slash < 0
      ? name.test(key)
      : slash <= 253 && prefix.test(key.slice(0, slash)) && name.test(key.slice(slash + 1));
  if (isRight) return undefined;
  return `${quote(key)} is no label key; use letters, digits, "-", "_" and ".", at most 63, with a DNS name and a slash before it if there is one`;
}

function valueMistake(value: string): string | undefined {
  const text = value.trim();
  if (text === '' || name.test(text)) return undefined;
  return `${quote(text)} is no label value; use letters, digits, "-", "_" and ".", at most 63`;
}

function numberMistake(value: string): string | undefined {
  return /^\s*-?\d+\s*$/.test(value)
    ? undefined
    : `${quote(value.trim())} is no whole number; "<" and ">" compare numbers`;
}

function first<T>(items: readonly T[], mistakeOf: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const mistake = mistakeOf(item);
    if (mistake !== undefined) return mistake;
  }
  return undefined;
}
