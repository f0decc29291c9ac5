import type * as z from 'zod';
import {
  type CheckAnswer,
  checked,
  checksSchema,
  type NodeAnswer,
  type NodeServicesAnswer,
  nodeServicesSchema,
  nodesSchema,
  type ServiceAnswer,
  type TxnResult,
  txnCommittedSchema,
} from './schemas.ts';

// The answers that are read for every change and every node, checked by hand: zod takes some ten times as long. A
// function here returns exactly what the schema of its answer makes of the value, or refuses it; then the schema has
// the last word, and its error names the field. hot-answers.test.ts holds both to each other.

export const nodesAnswer = (value: unknown, what: string): NodeAnswer[] =>
  unlessRefused(value, what, nodesSchema, (given) => list(given).map(nodeOf));

export const checksAnswer = (value: unknown, what: string): CheckAnswer[] =>
  unlessRefused(value, what, checksSchema, (given) => list(given).map(checkOf));

export const nodeServicesAnswer = (value: unknown, what: string): NodeServicesAnswer =>
  unlessRefused(value, what, nodeServicesSchema, (given) => {
    if (given === null) return null;
    const { Node, Services } = fields(given);
    const services = Services == null ? [] : list(Services).map(serviceOf);
    if (Node === undefined) return { Services: services };
    return { Node: Node === null ? null : nodeOf(Node), Services: services };
  });

export const txnResults = (value: unknown, what: string): TxnResult[] =>
  unlessRefused(value, what, txnCommittedSchema, (given) => {
    const { Results } = fields(given);
    return { Results: Results == null ? [] : list(Results).map(resultOf) };
  }).Results;

/** Thrown for a value that is left to the schema: one for all, for nobody reads its stack. */
const refused = new Error('left to the schema');

function unlessRefused<Schema extends z.ZodType>(
  value: unknown,
  what: string,
  schema: Schema,
  read: (value: unknown) => z.output<Schema>,
): z.output<Schema> {
  try {
    return read(value);
  } catch (thrown) {
    if (thrown !== refused) throw thrown;
    return checked(schema, value, what);
  }
}

type Fields = Readonly<Record<string, unknown>>;

function nodeOf(value: unknown): NodeAnswer {
  const given = fields(value);
  return {
    Node: filled(given['Node']).toLowerCase(),
    Address: text(given['Address']),
    TaggedAddresses: texts(given['TaggedAddresses']),
    Meta: texts(given['Meta']),
    CreateIndex: index(given['CreateIndex']),
    ModifyIndex: index(given['ModifyIndex']),
  };
}

function serviceOf(value: unknown): ServiceAnswer {
  const given = fields(value);
  const { Port } = given;
  return {
    ID: filled(given['ID']),
    Service: string(given['Service']),
    Tags: strings(given['Tags']),
    Address: text(given['Address']),
    Port: Port == null ? 0 : integer(Port),
    Ports: defaultPort(given['Ports']),
    Meta: texts(given['Meta']),
    TaggedAddresses: taggedAddresses(given['TaggedAddresses']),
    Weights: weights(given['Weights']),
    ModifyIndex: index(given['ModifyIndex']),
  };
}

function checkOf(value: unknown): CheckAnswer {
  const given = fields(value);
  return {
    CheckID: filled(given['CheckID']),
    Name: text(given['Name']),
    Type: text(given['Type']),
    Status: string(given['Status']),
    Output: text(given['Output']),
    Notes: text(given['Notes']),
    ServiceID: text(given['ServiceID']),
    ServiceName: text(given['ServiceName']),
    ServiceTags: strings(given['ServiceTags']),
    ModifyIndex: index(given['ModifyIndex']),
  };
}

function resultOf(value: unknown): TxnResult {
  const { KV, Node, Service, Check } = fields(value);
  const result: TxnResult = {};
  if (KV !== undefined) {
    const { Key, ModifyIndex } = fields(KV);
    result.KV = { Key: string(Key), ModifyIndex: index(ModifyIndex) };
  }
  if (Node !== undefined) result.Node = nodeOf(Node);
  if (Service !== undefined) result.Service = serviceOf(Service);
  if (Check !== undefined) result.Check = checkOf(Check);
  return result;
}

function fields(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused;
  return value as Fields;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw refused;
  return value;
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw refused;
  return value;
}

function filled(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw refused;
  return value;
}

const text = (value: unknown): string => (value == null ? '' : string(value));

function integer(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw refused;
  return value as number;
}

function index(value: unknown): number {
  const given = integer(value);
  if (given < 0) throw refused;
  return given;
}

/** The list itself: nobody else has the answer. */
function strings(value: unknown): string[] {
  if (value == null) return [];
  const given = list(value);
  for (const each of given) string(each);
  return given as string[];
}

/** The object itself, as strings(). */
function texts(value: unknown): Record<string, string> {
  if (value == null) return {};
  const given = fields(value);
  for (const key of keysOf(given)) string(given[key]);
  return given as Record<string, string>;
}

function taggedAddresses(value: unknown): ServiceAnswer['TaggedAddresses'] {
  const addresses: ServiceAnswer['TaggedAddresses'] = {};
  if (value == null) return addresses;
  const given = fields(value);
  for (const key of keysOf(given)) {
    const { Address, Port } = fields(given[key]);
    addresses[key] = { Address: text(Address), Port: integer(Port) };
  }
  return addresses;
}

function keysOf(given: Fields): string[] {
  // A key that sets no property of a copy.
  if (Object.hasOwn(given, '__proto__')) throw refused;
  return Object.keys(given);
}

function weights(value: unknown): ServiceAnswer['Weights'] {
  if (value == null) return { Passing: 1, Warning: 1 };
  const { Passing, Warning } = fields(value);
  return { Passing: integer(Passing), Warning: integer(Warning) };
}

function defaultPort(value: unknown): number {
  if (value == null) return 0;
  let found: number | undefined;
  for (const each of list(value)) {
    const { Port, Default } = fields(each);
    const port = integer(Port);
    if (Default != null && typeof Default !== 'boolean') throw refused;
    if (Default === true) found ??= port;
  }
  return found ?? 0;
}
