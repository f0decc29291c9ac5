import { stripVTControlCharacters } from 'node:util';

const colours: Readonly<Record<string, string>> = { debug: '2', info: '36', warn: '33', error: '31' };

/**
 * A log line for people, made of one of JSON: time, level, message, then the fields as `name=value`, in
 * quotes where they would not be clear. `reason` comes first.
 */
export function textLine(json: string, colour: boolean): string {
  const { level, time, msg, reason, ...fields } = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const all = reason === undefined ? fields : { reason, ...fields };
  const name = String(level).toUpperCase().padEnd(5);
  const shown = colour ? `\u001b[${colours[String(level)]}m${name}\u001b[0m` : name;
  const pairs = Object.entries(all).map(([key, value]) => ` ${dimmed(`${key}=`, colour)}${plain(value)}`);
  return `${time} ${shown} ${oneLine(String(msg))}${pairs.join('')}\n`;
}

const dimmed = (text: string, colour: boolean): string => (colour ? `\u001b[2m${text}\u001b[0m` : text);

function plain(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return /^[\w.:/@%+,-]+$/.test(value) ? value : JSON.stringify(stripVTControlCharacters(value));
}

/** A message of ours has one line; one that carries foreign text must not forge another. */
const oneLine = (text: string): string => stripVTControlCharacters(text).replaceAll(/[\r\n]+/g, ' ');
