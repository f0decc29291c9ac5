import {
  type Expression,
  FilterError,
  type Match,
  type MatchOperator,
  parseFilter,
} from './filter-parser.ts';

/** What a filter may select: the fields Consul exposes of a type, and their kinds. */
export type FieldKind =
  | { readonly kind: 'string' | 'number' | 'boolean' | 'strings' }
  | { readonly kind: 'map'; readonly of: FieldKind }
  | { readonly kind: 'struct' | 'list'; readonly fields: Readonly<Record<string, FieldKind>> };

const operators: Record<FieldKind['kind'], readonly MatchOperator[]> = {
  string: ['Equal', 'Not Equal', 'In', 'Not In', 'Matches', 'Not Matches'],
  number: ['Equal', 'Not Equal'],
  boolean: ['Equal', 'Not Equal'],
  strings: ['In', 'Not In', 'Is Empty', 'Is Not Empty'],
  map: ['In', 'Not In', 'Is Empty', 'Is Not Empty'],
  list: ['Is Empty', 'Is Not Empty'],
  struct: [],
};

/** A test for one row; `undefined` text lets everything pass. Throws a FilterError for a bad expression. */
export function compileFilter(text: string | null, schema: FieldKind): (row: unknown) => boolean {
  if (text === null || text === '') return () => true;
  try {
    const expression = parseFilter(text);
    validate(expression, schema);
    return (row) => evaluate(expression, row, schema);
  } catch (thrown) {
    if (!(thrown instanceof FilterError)) throw thrown;
    throw new FilterError(`Failed to create boolean expression evaluator: ${thrown.message}`);
  }
}

function validate(expression: Expression, schema: FieldKind): void {
  switch (expression.kind) {
    case 'and':
    case 'or':
      validate(expression.left, schema);
      validate(expression.right, schema);
      return;
    case 'not':
      validate(expression.operand, schema);
      return;
    case 'match':
      validateMatch(expression, schema);
      return;
  }
}

function validateMatch({ selector, operator, value }: Match, schema: FieldKind): void {
  let field: FieldKind | undefined = schema;
  for (const [depth, name] of selector.entries()) {
    field = subField(field, name);
    if (field === undefined)
      throw new FilterError(`Selector "${selector.slice(0, depth + 1).join('.')}" is not valid`);
  }
  if (!operators[field.kind].includes(operator)) {
    throw new FilterError(`Invalid match operator "${operator}" for selector "${selector.join('.')}"`);
  }
  if (field.kind === 'number' && !/^-?\d+$/.test(value)) {
    throw new FilterError(
      `Failed to coerce value "${value}" for selector "${selector.join('.')}": strconv.ParseInt: parsing "${value}": invalid syntax`,
    );
  }
  if (operator === 'Matches' || operator === 'Not Matches') pattern(value);
}

function subField(field: FieldKind, name: string): FieldKind | undefined {
  if (field.kind === 'map') return field.of;
  return field.kind === 'struct' || field.kind === 'list' ? field.fields[name] : undefined;
}

function pattern(value: string): RegExp {
  try {
    return new RegExp(value);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new FilterError(`Failed to compile regular expression "${value}": ${reason}`);
  }
}

function evaluate(expression: Expression, row: unknown, schema: FieldKind): boolean {
  switch (expression.kind) {
    case 'and':
      return evaluate(expression.left, row, schema) && evaluate(expression.right, row, schema);
    case 'or':
      return evaluate(expression.left, row, schema) || evaluate(expression.right, row, schema);
    case 'not':
      return !evaluate(expression.operand, row, schema);
    case 'match':
      return matches(expression, 0, row, schema);
  }
}

const negative = new Set<MatchOperator>(['Not Equal', 'Not In', 'Is Empty', 'Matches', 'Not Matches']);

function matches(match: Match, depth: number, value: unknown, field: FieldKind): boolean {
  const name = match.selector[depth];
  if (name === undefined) return test(match, value, field);
  // A selector through a list means: any of its elements.
  if (field.kind === 'list') {
    const struct: FieldKind = { kind: 'struct', fields: field.fields };
    return asArray(value).some((item) => matches(match, depth, item, struct));
  }
  const inner = asObject(value)[name];
  // A key that is not there equals nothing and is in nothing; the other operators hold for it.
  if (field.kind === 'map' && inner === undefined) return negative.has(match.operator);
  return matches(match, depth + 1, inner, subField(field, name)!);
}

function test(match: Match, value: unknown, field: FieldKind): boolean {
  switch (match.operator) {
    case 'Equal':
      return asText(value, field) === match.value;
    case 'Not Equal':
      return asText(value, field) !== match.value;
    case 'In':
      return contains(value, match.value, field);
    case 'Not In':
      return !contains(value, match.value, field);
    case 'Is Empty':
      return isEmpty(value, field);
    case 'Is Not Empty':
      return !isEmpty(value, field);
    case 'Matches':
      return pattern(match.value).test(asText(value, field));
    case 'Not Matches':
      return !pattern(match.value).test(asText(value, field));
  }
}

function contains(value: unknown, wanted: string, field: FieldKind): boolean {
  if (field.kind === 'strings') return asArray(value).includes(wanted);
  if (field.kind === 'map') return Object.hasOwn(asObject(value), wanted);
  return asText(value, field).includes(wanted);
}

function isEmpty(value: unknown, field: FieldKind): boolean {
  return field.kind === 'map' ? Object.keys(asObject(value)).length === 0 : asArray(value).length === 0;
}

const asArray = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** JSON leaves zero values out; a filter still sees them. */
function asText(value: unknown, field: FieldKind): string {
  if (value !== undefined && value !== null) return String(value);
  if (field.kind === 'number') return '0';
  return field.kind === 'boolean' ? 'false' : '';
}
