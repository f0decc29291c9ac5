import { visible, visibleLines } from '../lib/visible.ts';
import type { Age, InstanceDiff, ServiceInstance } from '../naming/naming.ts';

/** An instance as `discover` shows it. */
export interface Shown extends ServiceInstance {
  /** Undefined when it is not known. */
  readonly age: Age | undefined;
}

interface Column {
  readonly title: string;
  readonly cell: (instance: Shown) => string;
}

const columns: readonly Column[] = [
  { title: 'ID', cell: ({ id }) => id },
  { title: 'ADDRESS', cell: ({ address }) => address },
  { title: 'PORT', cell: ({ port }) => String(port) },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'WEIGHT', cell: ({ weight }) => String(weight) },
  { title: 'AGE', cell: ({ age }) => age ?? '-' },
  { title: 'TAGS', cell: ({ tags }) => (tags.length === 0 ? '-' : tags.join(',')) },
];

/** Lines of one table. Columns keep the width of the first rows. */
export class Table {
  readonly #columns: readonly (Column & { readonly width: number })[];

  /** When no age is known, the table has no column for it, unless `alwaysAge`. */
  constructor(instances: readonly Shown[], { alwaysAge = false } = {}) {
    const hasAge = alwaysAge || instances.some(({ age }) => age !== undefined);
    this.#columns = columns
      .filter(({ title }) => hasAge || title !== 'AGE')
      .map((column) => ({
        ...column,
        width: Math.max(
          column.title.length,
          ...instances.map((instance) => visible(column.cell(instance)).length),
        ),
      }));
  }

  get header(): string {
    return this.#line(({ title }) => title);
  }

  row(instance: Shown): string {
    return this.#line(({ cell }) => visible(cell(instance)));
  }

  #line(text: (column: Column) => string): string {
    return this.#columns
      .map((column) => text(column).padEnd(column.width))
      .join('  ')
      .trimEnd();
  }
}

const signs = { added: '+', changed: '~', removed: '-' } as const;
const colours = { added: 32, changed: 33, removed: 31 } as const;

/** A line for each change, ending with a line break: `+ …`, `~ … (what changed)`, `- …`. */
export function changeLines(
  { added, changed, removed }: InstanceDiff<Shown>,
  { table, colour }: { readonly table: Table; readonly colour: boolean },
): string {
  const line = (kind: keyof typeof signs, instance: Shown, note = ''): string => {
    const text = `${signs[kind]} ${table.row(instance)}${note}`;
    return colour ? `\u001b[${colours[kind]}m${text}\u001b[0m\n` : `${text}\n`;
  };
  return [
    ...removed.map((instance) => line('removed', instance)),
    ...changed.map(({ before, after }) => line('changed', after, `  (${differences(before, after)})`)),
    ...added.map((instance) => line('added', instance)),
  ].join('');
}

/** `state: passing → critical, meta.version: 1 → 2` */
function differences(before: Shown, after: Shown): string {
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])];
  return names
    .filter((name) => old.get(name) !== now.get(name))
    .map((name) => visible(`${name}: ${old.get(name) ?? '(none)'} → ${now.get(name) ?? '(none)'}`))
    .join(', ');
}

function fieldsOf({ address, port, state, weight, age, tags, meta }: Shown): Map<string, string> {
  return new Map([
    ['state', state],
    ['address', address],
    ['port', String(port)],
    ['weight', String(weight)],
    ...(age === undefined ? [] : [['age', age] as const]),
    ['tags', tags.join(',') || '(none)'],
    ...Object.entries(meta).map(([key, value]) => [`meta.${key}`, value] as const),
  ]);
}

/**
 * A JSON object a line: `time`, `event`, `instance`, and `before` when it changed. `present` is what was found
 * at the start.
 */
export function eventLines(
  event: 'present' | 'removed' | 'added',
  instances: readonly Shown[],
  time: string,
): string {
  return instances.map((instance) => jsonLine({ time, event, instance: plain(instance) })).join('');
}

export function diffEventLines({ added, changed, removed }: InstanceDiff<Shown>, time: string): string {
  return [
    eventLines('removed', removed, time),
    ...changed.map(({ before, after }) =>
      jsonLine({ time, event: 'changed', instance: plain(after), before: plain(before) }),
    ),
    eventLines('added', added, time),
  ].join('');
}

const jsonLine = (value: object): string => visibleLines(`${JSON.stringify(value)}\n`);

/** Every field in one order, null where nothing is known. */
export function plain(instance: Shown): object {
  const { id, name, node, address, port, protocol = null, state, weight, age = null, tags, meta } = instance;
  return { id, name, node, address, port, protocol, state, weight, age, tags, meta };
}
