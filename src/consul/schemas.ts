import * as z from 'zod';
import { RegistrarError } from '../lib/errors.ts';

// What we rely on in Consul's answers, and nothing else: unknown fields are dropped. Go marshals an empty
// slice or map as null or leaves it out, so each of these has an empty default.

const record = <Value extends z.ZodType>(value: Value) =>
  z
    .record(z.string(), value)
    .nullish()
    .transform((given) => given ?? {});
const strings = z
  .array(z.string())
  .nullish()
  .transform((given) => given ?? []);
const text = z
  .string()
  .nullish()
  .transform((given) => given ?? '');
const index = z.number().int().nonnegative();
const weights = z.object({ Passing: z.number().int(), Warning: z.number().int() });

export const nodeSchema = z.object({
  /** Any case finds it, and an outsider's write may have changed it. Ours are in small letters. */
  Node: z.string().min(1).toLowerCase(),
  Address: text,
  TaggedAddresses: record(z.string()),
  Meta: record(z.string()),
  CreateIndex: index,
  ModifyIndex: index,
});

/** Several ports of one instance (Consul 1.22). The catalog shows no `Port` beside them. */
const ports = z
  .array(z.object({ Port: z.number().int(), Default: z.boolean().nullish() }))
  .nullish()
  .transform((given) => (given ?? []).find((port) => port.Default === true)?.Port ?? 0);

export const serviceSchema = z.object({
  ID: z.string().min(1),
  Service: z.string(),
  Tags: strings,
  Address: text,
  Port: z
    .number()
    .int()
    .nullish()
    .transform((given) => given ?? 0),
  /** The default one of several. */
  Ports: ports,
  Meta: record(z.string()),
  TaggedAddresses: record(z.object({ Address: text, Port: z.number().int() })),
  Weights: weights.nullish().transform((given) => given ?? { Passing: 1, Warning: 1 }),
  ModifyIndex: index,
});

export const checkSchema = z.object({
  CheckID: z.string().min(1),
  Name: text,
  /** Dropped by servers that do not know it in a transaction. */
  Type: text,
  Status: z.string(),
  Output: text,
  Notes: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: strings,
  ModifyIndex: index,
});

export const nodesSchema = z.array(nodeSchema);
export const checksSchema = z.array(checkSchema);
/** `catalog/services`: the tags of each service, which nobody here needs. */
export const serviceTagsSchema = record(z.unknown());

/** `catalog/node-services`: Node is null when there is no such node; older servers answer null for all. */
export const nodeServicesSchema = z
  .object({
    Node: nodeSchema.nullish(),
    Services: z
      .array(serviceSchema)
      .nullish()
      .transform((given) => given ?? []),
  })
  .nullable();

export const txnResultSchema = z.object({
  KV: z.object({ Key: z.string(), ModifyIndex: index }).optional(),
  Node: nodeSchema.optional(),
  Service: serviceSchema.optional(),
  Check: checkSchema.optional(),
});

export const txnCommittedSchema = z.object({
  Results: z
    .array(txnResultSchema)
    .nullish()
    .transform((given) => given ?? []),
});

export const txnRolledBackSchema = z.object({
  Errors: z.array(z.object({ OpIndex: z.number().int(), What: z.string() })).min(1),
});

export const sessionCreatedSchema = z.object({ ID: z.string().min(1) });

/** `agent/self`, of which only the version is of interest. */
export const agentSelfSchema = z.object({ Config: z.object({ Version: z.string() }) });

export type NodeAnswer = z.output<typeof nodeSchema>;
export type ServiceAnswer = z.output<typeof serviceSchema>;
export type CheckAnswer = z.output<typeof checkSchema>;
export type NodeServicesAnswer = z.output<typeof nodeServicesSchema>;
export type TxnResult = z.output<typeof txnResultSchema>;

/** Throws `protocol` for a value that is not of the shape we rely on; `what` names the request. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') || 'the answer';
  throw new RegistrarError('protocol', `${what}: ${where}: ${issue?.message ?? 'unexpected shape'}`);
}
