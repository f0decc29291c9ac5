import { configJsonSchema } from '../src/config/schema.ts';
import type { ChartValue } from './values.ts';

type Schema = Readonly<Record<string, unknown>>;

const dnsSubdomain = '^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$';
const count = (minimum: number): Schema => ({ type: 'integer', minimum });
const port: Schema = { type: 'integer', minimum: 1, maximum: 65_535 };
const objects: Schema = { type: 'array', items: { type: 'object' } };
const texts: Schema = { type: 'array', items: { type: 'string', minLength: 1 } };
const textMap: Schema = { type: 'object', additionalProperties: { type: 'string' } };
const anything: Schema = { type: 'object' };
const duration: Schema = { type: 'string', pattern: '^([0-9]+(ms|s|m|h))+$' };

/** Where more can be said than the type of the default. Objects of Kubernetes are left to the API server. */
const special: Readonly<Record<string, Schema>> = {
  nameOverride: { type: 'string', pattern: dnsSubdomain },
  fullnameOverride: { type: 'string', pattern: dnsSubdomain },
  commonLabels: textMap,
  'consul.tokenSecret.key': { type: 'string', minLength: 1 },
  'consul.caBundle.key': { type: 'string', minLength: 1 },
  'consul.serviceAccountToken.expirationSeconds': count(600),
  'image.repository': { type: 'string', minLength: 1 },
  'image.tag': { type: 'string', pattern: '^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$' },
  'image.digest': { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
  'image.pullPolicy': { enum: ['Always', 'IfNotPresent', 'Never'] },
  'image.pullSecrets': texts,
  replicas: count(0),
  revisionHistoryLimit: count(0),
  terminationGracePeriodSeconds: count(1),
  resources: anything,
  podAnnotations: textMap,
  podLabels: textMap,
  nodeSelector: textMap,
  tolerations: objects,
  affinity: anything,
  topologySpreadConstraints: objects,
  extraEnv: objects,
  extraEnvFrom: objects,
  extraVolumes: objects,
  extraVolumeMounts: objects,
  'priorityClass.value': { type: 'integer', maximum: 1_000_000_000 },
  'serviceAccount.annotations': textMap,
  'service.annotations': textMap,
  'service.port': port,
  'networkPolicy.from': objects,
  'networkPolicy.apiServerPorts': { type: 'array', items: port, minItems: 1 },
  'networkPolicy.consul': objects,
  'networkPolicy.agents': objects,
  'networkPolicy.extraEgress': objects,
  'serviceMonitor.labels': textMap,
  'serviceMonitor.interval': duration,
  'podMonitor.labels': textMap,
  'podMonitor.interval': duration,
  'prometheusRule.labels': textMap,
  'prometheusRule.alertLabels': textMap,
  'dashboard.labels': textMap,
  'dashboard.annotations': textMap,
  'admissionPolicy.action': { enum: ['Warn', 'Deny'] },
  'admissionPolicy.excludeNamespaces': texts,
  'cleanup.timeoutSeconds': count(1),
};

/** The JSON Schema of the values; `config` is the schema of the operator's configuration itself. */
export function valuesSchema(values: readonly ChartValue[]): Schema {
  const { $schema, ...config } = configJsonSchema();
  const root = { properties: {} as Record<string, unknown> };
  for (const { path, initial, description } of values) {
    const name = path.join('.');
    const schema = name === 'config' ? config : (special[name] ?? { type: typeOf(name, initial) });
    let at: { properties: Record<string, unknown> } = root;
    for (const key of path.slice(0, -1)) {
      at.properties[key] ??= { type: 'object', additionalProperties: false, properties: {} };
      at = at.properties[key] as typeof at;
    }
    at.properties[path.at(-1)!] = { description, ...schema };
  }
  return {
    $schema,
    title: 'Values of the kube-registrar chart',
    type: 'object',
    additionalProperties: false,
    // Helm hands these to every chart that is part of another.
    properties: { global: anything, ...root.properties },
  };
}

function typeOf(name: string, initial: unknown): string {
  if (typeof initial === 'string' || typeof initial === 'boolean') return typeof initial;
  throw new Error(`values-schema.ts: say what ${name} may be`);
}
