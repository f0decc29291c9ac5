import { badRequest } from './status.ts';

type Labels = Readonly<Record<string, string>>;
export type LabelSelector = (labels: Labels) => boolean;

const word = '[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?';
const keyForm = new RegExp(`^(${word}/)?${word}$`);
const valueForm = new RegExp(`^(${word})?$`);
const setForm = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/;

/**
 * A label selector as the API takes it: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`,
 * joined by commas. `!=` and `notin` also match objects without the key. Throws a 400 when it is malformed.
 */
export function parseLabelSelector(text: string): LabelSelector {
  const requirements = splitOutsideParentheses(text).map(parseRequirement);
  return (labels) => requirements.every((matches) => matches(labels));
}

function splitOutsideParentheses(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function parseRequirement(text: string): LabelSelector {
  const set = setForm.exec(text);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    const label = checkedKey(key, text);
    return operator === 'in'
      ? (labels) => labels[label] !== undefined && values.has(labels[label])
      : (labels) => labels[label] === undefined || !values.has(labels[label]);
  }
  const equality = /^([^=!]+?)\s*(==|=|!=)\s*([^=!]*)$/.exec(text);
  if (equality) {
    const [, key = '', operator, value = ''] = equality;
    const label = checkedKey(key.trim(), text);
    if (!valueForm.test(value)) throw badRequest(`unable to parse requirement: ${text}`);
    return operator === '!=' ? (labels) => labels[label] !== value : (labels) => labels[label] === value;
  }
  if (text.startsWith('!')) {
    const label = checkedKey(text.slice(1).trim(), text);
    return (labels) => labels[label] === undefined;
  }
  const label = checkedKey(text, text);
  return (labels) => labels[label] !== undefined;
}

function checkedKey(key: string, requirement: string): string {
  if (!keyForm.test(key)) throw badRequest(`unable to parse requirement: ${requirement}`);
  return key;
}

export interface FieldRequirement {
  readonly field: string;
  readonly value: string;
  readonly equal: boolean;
}

/** `field=value`, `==` and `!=`, joined by commas. Throws a 400 for anything else. */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(part);
      if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
      const [, field = '', operator, value = ''] = match;
      return { field, value, equal: operator !== '!=' };
    });
}
