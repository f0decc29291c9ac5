import { Buffer } from 'node:buffer';
import { parseDuration } from '../lib/duration.ts';
import { type ServiceName, serviceName } from '../model/keys.ts';
import type { RouteKind } from '../model/route.ts';
import { didYouMean, quote, type Read } from './mistake.ts';
import type { NameOf, Templated } from './naming.ts';

/** What carries an annotation. */
export interface Carrier {
  readonly kind: 'Pod' | 'Service' | RouteKind;
  readonly name: string;
  /** What the configuration makes of names. Default: they stay as they are. */
  readonly nameOf?: NameOf;
}

/** What a value may look like: how the operator reads it, and how the API server checks it. */
export interface Form<Value> {
  /** The value of a text that is trimmed and has its placeholders filled in. */
  readonly read: (text: string, carrier: Carrier) => Read<Value>;
  /**
   * The same as a CEL expression over the expression `value`, as far as CEL goes: it never refuses what `read`
   * takes. `host` is a regular expression of the hosts that may be probed. Patterns hold no quote and no backslash.
   */
  readonly cel: (value: string, host: string) => string;
  /** Behind the value: what is wrong where `cel` is false. */
  readonly otherwise: string;
  /** It says what is to be probed, so that `cel` depends on `host`. */
  readonly probes?: true;
}

/** What Consul's DNS takes as a service name or tag: letters, digits and hyphens, at most 63. */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/.test(text);
}
const matchesDnsLabel = (value: string): string =>
  `${value}.matches('^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$')`;

/** The name of a Consul service; `true` is the object's own name, except on a pod. */
export const serviceForm: Form<ServiceName> = {
  read: readServiceName,
  cel: (value) => `${matchesDnsLabel(value)} && (variables.isNamed || ${value}.lowerAscii() != 'true')`,
  otherwise: 'is not a name usable in DNS: letters, digits and hyphens, at most 63',
};

function readServiceName(text: string, object: Carrier): Read<ServiceName> {
  const isTrue = text.toLowerCase() === 'true';
  if (isTrue && object.kind === 'Pod') {
    return {
      refused: `"true" only works on a Service, an Ingress or a route, whose name it stands for; write the service's name`,
    };
  }
  const name = isTrue ? object.name : text;
  if (isDnsLabel(name)) return named(name, object.nameOf?.(name, !isTrue));
  if (name === '') return { refused: 'is empty; write the name of the Consul service' };
  // The hyphens at the end are not looked for by a pattern: it would try from each of them anew.
  const words = name.slice(0, 200).split(/[^A-Za-z0-9]+/);
  const usable = words.filter((word) => word !== '').join('-');
  const hint = isDnsLabel(usable) ? `; did you mean ${quote(usable)}?` : '';
  return {
    refused: `${quote(name)} is not usable in DNS (letters, digits and hyphens, at most 63)${hint}`,
  };
}

function named(name: string, templated: Templated | undefined): Read<ServiceName> {
  if (templated === undefined) return { value: serviceName(name) };
  if (isDnsLabel(templated.name)) return { value: serviceName(templated.name) };
  const length = templated.name.length;
  return {
    refused: `${quote(name)} becomes ${quote(templated.name)} by naming.template ${quote(templated.template)}, which is not usable in DNS (letters, digits and hyphens, at most 63${length > 63 ? `; it has ${length}` : ''}); write another name`,
  };
}

/** A port by name or by number. */
export type PortRef = { readonly name: string } | { readonly number: number };

export const portRef: Form<PortRef> = {
  read: readPort,
  cel: (value) => `${value}.matches('^[0-9]+$') ? ${isPortNumber(value)} : ${matchesDnsLabel(value)}`,
  otherwise: 'is neither the name of a port nor a number from 1 to 65535',
};

/** Every port of the object; see every-port.ts. */
export const everyPort = '*';

/** Which port a declaration is for. */
export const portChoice: Form<PortRef | typeof everyPort> = {
  read: (text) => (text === everyPort ? { value: everyPort } : readPort(text)),
  cel: (value, host) => `${value} == '${everyPort}' || (${portRef.cel(value, host)})`,
  otherwise: portRef.otherwise,
};

export function readPort(text: string): Read<PortRef> {
  if (/^\d+$/.test(text)) {
    const number = portNumber(text);
    return number === undefined
      ? { refused: `${quote(text)} is not from 1 to 65535` }
      : { value: { number } };
  }
  // Names of Service ports are DNS labels, those of container ports shorter still (core/v1).
  if (isDnsLabel(text)) return { value: { name: text } };
  return { refused: `${quote(text)} ${portRef.otherwise}` };
}

/** A port's number, or undefined when the text is none. */
export function portNumber(text: string): number | undefined {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= 65_535 ? number : undefined;
}
const isPortNumber = (value: string): string =>
  `${value}.matches('^[0-9]{1,5}$') && int(${value}) >= 1 && int(${value}) <= 65535`;

export const weight: Form<number> = {
  read: (text) => orRefused(portNumber(text), text, weight.otherwise),
  cel: isPortNumber,
  otherwise: 'is not a whole number from 1 to 65535',
};

/** One of a closed list of words. */
export const choice = <const Choice extends string>(...choices: readonly Choice[]): Form<Choice> => ({
  read: (text) =>
    orRefused(
      choices.find((candidate) => candidate === text),
      text,
      () => `is not one of ${choices.map(quote).join(', ')}${didYouMean(text, choices)}`,
    ),
  cel: (value) => `${value} in [${choices.map((each) => `'${each}'`).join(', ')}]`,
  otherwise: `is not one of ${choices.join(', ')}`,
});

const longestDurationMs = 365 * 24 * 3_600_000;

/** Milliseconds of a duration written as in Go: without a sign, and not zero. */
export const duration: Form<number> = {
  read: readDuration,
  cel: (value) => {
    const part = '([0-9]+[.]?[0-9]*|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h)';
    return `${value}.matches('^${part}(${part})*$')`;
  },
  otherwise: 'is not a duration; write it like 500ms, 10s or 1m30s',
};

function readDuration(text: string): Read<number> {
  const ms = parseDuration(text);
  if (ms === undefined) {
    const isNumber = /^\d+$/.test(text);
    const hint = isNumber ? `is not a duration; did you mean "${text.slice(0, 10)}s"?` : duration.otherwise;
    return { refused: `${quote(text)} ${hint}` };
  }
  if (ms < 1 || ms > longestDurationMs) return { refused: `${quote(text)} is not from 1ms to 8760h` };
  return { value: ms };
}

/** Texts that match a pattern, which has to be bounded: it runs on whatever an annotation holds. */
export const matching = (pattern: string, otherwise: string): Form<string> => {
  const expression = new RegExp(pattern);
  return {
    read: (text) => orRefused(expression.test(text) ? text : undefined, text, otherwise),
    cel: (value) => `${value}.matches('${pattern}')`,
    otherwise,
  };
};

/** What Consul itself writes when maintenance is entered without a reason (agent.EnableServiceMaintenance). */
const noReason =
  'Maintenance mode is enabled for this service, but no reason was provided. This is a default message.';

/** Text for people. `false` is no reason: it switches off what another layer of templates switched on. */
export const reason: Form<string | undefined> = {
  read: (text) => {
    if (Buffer.byteLength(text) > 512) return { refused: 'is longer than 512 bytes' };
    const word = text.toLowerCase();
    if (word === 'false') return { value: undefined };
    return { value: word === '' || word === 'true' ? noReason : text };
  },
  cel: (value) => `bytes(${value}).size() <= 512`,
  otherwise: 'is longer than 512 bytes',
};

function orRefused<Value>(value: Value | undefined, text: string, why: string | (() => string)): Read<Value> {
  if (value !== undefined) return { value };
  return { refused: `${quote(text)} ${typeof why === 'string' ? why : why()}` };
}
