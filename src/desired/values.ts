import { Buffer } from 'node:buffer';
import { parseDuration } from '../lib/duration.ts';
import { type ServiceName, serviceName } from '../model/keys.ts';
import { isDnsLabel } from './dns-label.ts';
import { didYouMean, quote, type Read } from './mistake.ts';

/** In bytes. */
const longestReason = 512;
const longestDurationMs = 365 * 24 * 3_600_000;

/** The name of a Consul service; `true` on a Service is the Service's own name. */
export function readServiceName(
  text: string,
  object: { readonly kind: 'Pod' | 'Service'; readonly name: string },
): Read<ServiceName> {
  const isTrue = text.toLowerCase() === 'true';
  if (isTrue && object.kind === 'Pod') {
    return { refused: `"true" only works on a Service, whose name it stands for; write the service's name` };
  }
  const name = isTrue ? object.name : text;
  if (isDnsLabel(name)) return { value: serviceName(name) };
  if (name === '') return { refused: 'is empty; write the name of the Consul service' };
  // The hyphens at the end are not looked for by a pattern: it would try from each of them anew.
  const words = name.slice(0, 200).split(/[^A-Za-z0-9]+/);
  const usable = words.filter((word) => word !== '').join('-');
  const hint = isDnsLabel(usable) ? `; did you mean ${quote(usable)}?` : '';
  return {
    refused: `${quote(name)} is not usable in DNS (letters, digits and hyphens, at most 63)${hint}`,
  };
}

/** A port by name or by number. */
export type PortRef = { readonly name: string } | { readonly number: number };

export function readPort(text: string): Read<PortRef> {
  if (/^\d+$/.test(text)) {
    const number = portNumber(text);
    return number === undefined
      ? { refused: `${quote(text)} is not from 1 to 65535` }
      : { value: { number } };
  }
  // Names of Service ports are DNS labels, those of container ports shorter still (core/v1).
  if (isDnsLabel(text)) return { value: { name: text } };
  return { refused: `${quote(text)} is neither the name of a port nor a number from 1 to 65535` };
}

/** A port's number, or undefined when the text is none. */
export function portNumber(text: string): number | undefined {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= 65_535 ? number : undefined;
}

export function readWeight(text: string): Read<number> {
  const weight = portNumber(text);
  return weight === undefined
    ? { refused: `${quote(text)} is not a whole number from 1 to 65535` }
    : { value: weight };
}

/** One of a closed list of words. */
export function readChoice<Choice extends string>(text: string, choices: readonly Choice[]): Read<Choice> {
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return { value: choice };
  const list = choices.map(quote).join(', ');
  return { refused: `${quote(text)} is not one of ${list}${didYouMean(text, choices)}` };
}

/** Milliseconds of a duration written as in Go. */
export function readDuration(text: string): Read<number> {
  const ms = parseDuration(text);
  if (ms === undefined) {
    const hint = /^\d+$/.test(text)
      ? `; did you mean "${text.slice(0, 10)}s"?`
      : '; write it like 500ms, 10s or 1m30s';
    return { refused: `${quote(text)} is not a duration${hint}` };
  }
  if (ms < 1 || ms > longestDurationMs) return { refused: `${quote(text)} is not from 1ms to 8760h` };
  return { value: ms };
}

/** The application protocol: an open list, so only its form is looked at. */
export function readProtocol(text: string): Read<string> {
  if (/^[A-Za-z0-9][A-Za-z0-9.+/-]{0,31}$/.test(text)) return { value: text };
  return { refused: `${quote(text)} is not a protocol; write it like tcp, http, grpc or ws` };
}

/** Text for people. */
export function readReason(text: string): Read<string> {
  if (Buffer.byteLength(text) > longestReason) return { refused: `is longer than ${longestReason} bytes` };
  return { value: text };
}
