import { addressKinds, type BrokenDeclaration, checkKinds, type Declaration, drains } from './declaration.ts';
import { type Field, longestText, metaPrefix, tooLong } from './fields.ts';
import { mostUserKeys, readMetaValue, refuseMetaKey } from './meta.ts';
import { error, hasError, type Mistake, type Read } from './mistake.ts';
import { expand, type Placeholders } from './placeholders.ts';
import { readGrpcProbe, readHttpProbe, readTcpProbe } from './probes.ts';
import { fieldOf, type RawDeclaration } from './raw-declaration.ts';
import { cleanTags } from './tags.ts';
import {
  readChoice,
  readDuration,
  readPort,
  readProtocol,
  readReason,
  readServiceName,
  readWeight,
} from './values.ts';

/** What Consul itself writes when maintenance is entered without a reason (agent.EnableServiceMaintenance). */
const noReason =
  'Maintenance mode is enabled for this service, but no reason was provided. This is a default message.';

export interface Parsed {
  readonly outcome: Declaration | BrokenDeclaration;
  readonly mistakes: readonly Mistake[];
}

/** Reads one declaration in full, so that all its mistakes are told at once. */
export function parseDeclaration(
  raw: RawDeclaration,
  object: { readonly kind: 'Pod' | 'Service'; readonly name: string },
  places: Placeholders,
): Parsed {
  const mistakes: Mistake[] = [...raw.mistakes];

  function expanded(name: string, text: string, strict = false): string {
    const field = fieldOf(raw, name);
    const refused = refuseText(text, name);
    if (refused !== undefined) {
      mistakes.push(error(field, refused));
      return '';
    }
    const result = expand(text, places, { field, strict });
    mistakes.push(...result.mistakes);
    return result.text;
  }
  function read<T>(name: Field, reader: (text: string) => Read<T>, strict = true): T | undefined {
    const text = raw.fields.get(name);
    if (text === undefined) return undefined;
    const before = mistakes.length;
    const value = expanded(name, text, strict).trim();
    // What a wrong placeholder left behind would only be a second mistake.
    if (hasError(mistakes.slice(before))) return undefined;
    const result = reader(value);
    if ('value' in result) return result.value;
    mistakes.push(error(fieldOf(raw, name), `${name} ${result.refused}`));
    return undefined;
  }

  const service = read('service', (text) => readServiceName(text, object));
  if (!raw.fields.has('service') && !hasError(raw.mistakes)) {
    mistakes.push(error(fieldOf(raw, 'service'), 'service is missing; write the name of the Consul service'));
  }
  const port = read('port', readPort);
  const tags = readTags(raw, expanded, mistakes);
  const protocol = read('protocol', readProtocol);
  const healthUrl = read('health-url', readHttpProbe);
  const weights = {
    passing: read('weight', readWeight) ?? 1,
    warning: read('weight-warning', readWeight) ?? 1,
  };
  const address = read('address', (text) => readChoice(text, addressKinds)) ?? 'pod';
  const check = read('check', (text) => readChoice(text, checkKinds)) ?? 'readiness';
  const probes = {
    http: read('check-http', readHttpProbe),
    tcp: read('check-tcp', readTcpProbe),
    grpc: read('check-grpc', readGrpcProbe),
    intervalMs: read('check-interval', readDuration) ?? 10_000,
    timeoutMs: read('check-timeout', readDuration) ?? 1_000,
    deregisterCriticalAfterMs: read('deregister-critical-after', readDuration),
  };
  const drain = read('drain', (text) => readChoice(text, drains)) ?? 'critical';
  const warmupMs = read('warmup', readDuration);
  const maintenance = maintenanceReason(read('maintenance', readReason, false));
  const meta = readMeta(raw, expanded, mistakes);
  if (protocol !== undefined) meta.set('protocol', protocol);

  if (service === undefined || hasError(mistakes)) {
    return { outcome: { kind: 'broken', service: service ?? '', check, drain }, mistakes };
  }
  const outcome: Declaration = {
    kind: 'declared',
    at: raw.at,
    service,
    port,
    tags,
    meta,
    healthUrl,
    weights,
    address,
    check,
    probes,
    drain,
    warmupMs,
    maintenance,
  };
  return { outcome, mistakes };
}

/** Before anything else is done with a text: why it may not be used, whatever it is for. */
function refuseText(text: string, name: string): string | undefined {
  if (Buffer.byteLength(text) > longestText(name)) return tooLong(name);
  // JSON carries it, UTF-8 does not: Consul would keep another text than we wrote.
  if (!text.isWellFormed()) return `${name} has half a character (an unpaired surrogate such as \\ud800)`;
  return undefined;
}

/** `false` is nobody's reason; it switches off what another layer of templates switched on. */
function maintenanceReason(text: string | undefined): string | undefined {
  const word = text?.toLowerCase();
  if (word === undefined || word === 'false') return undefined;
  return word === '' || word === 'true' ? noReason : text;
}

/** Of tags, as they are written. */
const mostTexts = 256;

function readTags(
  raw: RawDeclaration,
  expanded: (name: string, text: string) => string,
  mistakes: Mistake[],
): readonly string[] {
  if (raw.tags.length > mostTexts) {
    mistakes.push(
      error(fieldOf(raw, 'tags'), `has more than ${mostTexts} tags, empty ones and doubles included`),
    );
    return [];
  }
  const before = mistakes.length;
  const texts = raw.tags.map((tag) => expanded('tags', tag));
  if (hasError(mistakes.slice(before))) return [];
  const { tags, mistakes: more } = cleanTags(texts, fieldOf(raw, 'tags'));
  mistakes.push(...more);
  return tags;
}

function readMeta(
  raw: RawDeclaration,
  expanded: (name: string, text: string) => string,
  mistakes: Mistake[],
): Map<string, string> {
  const meta = new Map<string, string>();
  const fixed = [
    ['protocol', 'protocol'],
    ['health_url', 'health-url'],
  ] as const;
  for (const [name, text] of raw.fields) {
    if (!name.startsWith(metaPrefix)) continue;
    const key = name.slice(metaPrefix.length);
    const field = fieldOf(raw, name);
    const twin = fixed.find(([metaKey, own]) => metaKey === key && raw.fields.has(own));
    const refused = twin ? `meta key "${key}" is already set by "${twin[1]}"` : refuseMetaKey(key);
    if (refused !== undefined) {
      mistakes.push(error(field, refused));
      continue;
    }
    const before = mistakes.length;
    const value = readMetaValue(expanded(name, text));
    if (hasError(mistakes.slice(before))) continue;
    if ('value' in value) meta.set(key, value.value);
    else mistakes.push(error(field, `meta value ${value.refused}`));
  }
  const count = meta.size + fixed.filter(([, own]) => raw.fields.has(own)).length;
  if (count > mostUserKeys) {
    const message = `more than ${mostUserKeys} meta keys; Consul takes 64, and ${64 - mostUserKeys} are kube-registrar's own`;
    mistakes.push(error(fieldOf(raw, 'meta'), message));
  }
  return meta;
}
