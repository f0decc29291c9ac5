import * as z from 'zod';
import { defaultReservedNames } from '../desired/claims.ts';
import type { Secret } from '../lib/secret.ts';
import { dnsSubdomain, quote, text } from './fields.ts';
import { parseListenAddress } from './listen-address.ts';
import { compatibility } from './schema/compatibility.ts';
import { consul } from './schema/consul.ts';
import { guard } from './schema/guard.ts';
import { cluster, kubernetes } from './schema/kubernetes.ts';
import { leaderElection } from './schema/leader-election.ts';
import { baseTag, labels, naming } from './schema/naming.ts';
import { registration } from './schema/registration.ts';
import { sync } from './schema/sync.ts';
import { claim, metaPattern, patternRule, reservedName, tagPattern } from './schema/tenant-rules.ts';

/**
 * The configuration: the single source of validation, of the JSON Schema, of the chart's values and of the
 * reference documentation. Every key has a default or may be absent, so that any part of a configuration
 * can be checked on its own. Its sections are in schema/. Rules that involve several keys are in cross-check.ts.
 */

const log = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info').meta({
    description: 'Minimum level to log.',
  }),
  format: z.enum(['json', 'text']).default('json').meta({
    description: '`json`: one object per line. `text`: easier for people to read.',
  }),
});

const server = z.strictObject({
  listen: z
    .string()
    .refine((value) => parseListenAddress(value) !== undefined, {
      error: (issue) =>
        `${quote(String(issue.input))} is not a listen address; write ":8080", "127.0.0.1:8080" or "[::1]:8080"`,
    })
    .default(':8080')
    .meta({ description: 'Where health, metrics and the status page are served.' }),
});

export const configSchema = z.strictObject({
  cluster: cluster.prefault({}).meta({ description: 'Which cluster this is.' }),
  kubernetes: kubernetes
    .prefault({})
    .meta({ description: 'How to reach the API server, and what to watch.' }),
  annotationPrefix: text(dnsSubdomain, 'a DNS name; write it like "kube-registrar.io", without a slash')
    .default('kube-registrar.io')
    .meta({ description: 'Prefix of the annotations, without the slash.' }),
  consul: consul.prefault({}).meta({ description: 'How to reach Consul.' }),
  leaderElection: leaderElection
    .prefault({})
    .meta({ description: 'Which of several replicas writes. See high-availability.md.' }),
  registration: registration.prefault({}).meta({ description: 'Where instances are registered.' }),
  sync: sync.prefault({}).meta({ description: 'How Consul is kept in sync.' }),
  guard: guard.prefault({}).meta({
    description: 'Which removals and losses of health are held until they are confirmed. See safety.md.',
  }),
  claims: z.array(claim).default([]).meta({
    description:
      'Which namespaces may register which service names. Only the namespaces of the claims that cover a name may register it; a name that no claim covers is free for all. See security.md.',
  }),
  reservedNames: z
    .array(reservedName)
    .default([...defaultReservedNames])
    .meta({
      description:
        'Service names that no namespace may register, unless a claim names them exactly; `*` stands for any text. The default contains the names under which Consul, Nomad, Vault and this operator register themselves.',
      examples: [['consul', 'kube-registrar', 'vault*']],
    }),
  tagRules: z.array(patternRule(tagPattern, 'Tags')).default([]).meta({
    description:
      'Which tags namespaces may use. The first rule that names the namespace and has a matching pattern decides, `deny` before `allow`. A tag that no pattern matches is allowed. See security.md.',
  }),
  metaRules: z.array(patternRule(metaPattern, 'Meta keys')).default([]).meta({
    description: 'The same for meta keys, including `protocol` and `health_url`.',
  }),
  compatibility: compatibility.prefault({}).meta({
    description: "Other programs' annotations and defaults, which work in addition to kube-registrar's.",
  }),
  naming: naming.prefault({}).meta({ description: 'How names in Consul are built. See rules.md.' }),
  baseTags: z
    .array(baseTag)
    .max(16, { error: 'has more than 16 tags' })
    .default([])
    .meta({
      description:
        'Tags of every instance, with the placeholders `{pod.namespace}`, `{node.name}`, `{node.zone}`, `{node.region}` and `{cluster.name}`. A tag whose placeholder has no value is omitted. `tagRules` do not apply to them.',
      examples: [['kubernetes', 'zone-{node.zone}']],
    }),
  labels: labels.prefault({}).meta({
    description: 'Which labels become tags and meta. `tagRules` and `metaRules` apply to them. See rules.md.',
  }),
  log: log.prefault({}).meta({ description: 'Logging, to standard error.' }),
  server: server.prefault({}).meta({ description: 'The HTTP server of the operator.' }),
});

type DeepReadonly<T> = T extends Secret | string | number | boolean | undefined
  ? T
  : { readonly [K in keyof T]: DeepReadonly<T[K]> };

/** A valid configuration with its defaults. Durations are in milliseconds. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;

/** The JSON Schema (draft 2020-12) of a configuration file. */
export function configJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(configSchema, { io: 'input' });
}
