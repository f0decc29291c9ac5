import { visible } from '../lib/visible.ts';

const colours: Readonly<Record<string, string>> = { debug: '2', info: '36', warn: '33', error: '31' };

/** Fields that are left out where the message ends with them. */
const causes: ReadonlySet<string> = new Set(['error', 'why', 'warning', 'message', 'output']);

/**
 * A log line for people, made of one of JSON: time, level, message, then the fields as `name=value`, in quotes
 * where needed. `reason` comes first. Control characters are escaped, so that no value can forge a line or control
 * the terminal.
 */
export function textLine(json: string, colour: boolean): string {
  const { level, time, msg, reason, ...fields } = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const all = reason === undefined ? fields : { reason, ...fields };
  const message = String(msg);
  const name = String(level).toUpperCase().padEnd(5);
  const shown = colour ? `\u001b[${colours[String(level)]}m${name}\u001b[0m` : name;
  const pairs = Object.entries(all)
    .filter(([key, value]) => !(causes.has(key) && message.endsWith(String(value))))
    .map(([key, value]) => ` ${dimmed(`${visible(key)}=`, colour)}${plain(value)}`);
  return `${time} ${shown} ${visible(message)}${pairs.join('')}\n`;
}

const dimmed = (text: string, colour: boolean): string => (colour ? `\u001b[2m${text}\u001b[0m` : text);

function plain(value: unknown): string {
  const isClear = typeof value === 'string' && /^[\w.:/@%+,-]+$/.test(value);
  return isClear ? value : visible(JSON.stringify(value));
}
