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
const durationPattern = '([0-9]+(ms|s|m|h))+';
const duration: Schema = { type: 'string', pattern: `^${durationPattern}$` };
const secret: Schema = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string', minLength: 1 } },
  additionalProperties: false,
};
/** What is asked is the chart's; how often and for how long may be set, as far as Kubernetes allows it for the kind. */
const probe = (kind: 'startup' | 'liveness' | 'readiness'): Schema => ({
  type: 'object',
  additionalProperties: false,
  properties: {
    initialDelaySeconds: count(0),
    periodSeconds: count(1),
    timeoutSeconds: count(1),
    failureThreshold: count(1),
    ...(kind === 'readiness' ? { successThreshold: count(1) } : { terminationGracePeriodSeconds: count(1) }),
  },
});

/** Where more can be said than the type of the default. Objects of Kubernetes are left to the API server. */
const special: Readonly<Record<string, Schema>> = {
  nameOverride: { type: 'string', pattern: dnsSubdomain },
  fullnameOverride: { type: 'string', pattern: dnsSubdomain },
  namespaceOverride: { type: 'string', pattern: dnsSubdomain },
  commonLabels: textMap,
  extraObjects: { type: 'array', items: { type: ['object', 'string'] } },
  'consulCredentials.tokenSecret.key': { type: 'string', minLength: 1 },
  'consulCredentials.caBundle.key': { type: 'string', minLength: 1 },
  'consulCredentials.serviceAccountToken.expirationSeconds': count(600),
  'image.repository': { type: 'string', minLength: 1 },
  'image.tag': { type: 'string', pattern: '^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$' },
  'image.digest': { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
  'image.pullPolicy': { enum: ['Always', 'IfNotPresent', 'Never'] },
  imagePullSecrets: { type: 'array', items: { oneOf: [{ type: 'string', minLength: 1 }, secret] } },
  replicas: count(0),
  revisionHistoryLimit: count(0),
  terminationGracePeriodSeconds: count(1),
  resources: anything,
  deploymentAnnotations: textMap,
  podAnnotations: textMap,
  podLabels: textMap,
  nodeSelector: textMap,
  tolerations: objects,
  affinity: anything,
  topologySpreadConstraints: objects,
  dnsPolicy: { enum: ['', 'ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'] },
  dnsConfig: anything,
  podSecurityContext: anything,
  securityContext: anything,
  startupProbe: probe('startup'),
  livenessProbe: probe('liveness'),
  readinessProbe: probe('readiness'),
  extraArgs: texts,
  extraEnv: objects,
  extraEnvFrom: objects,
  extraVolumes: objects,
  extraVolumeMounts: objects,
  'priorityClass.value': { type: 'integer', maximum: 1_000_000_000 },
  'serviceAccount.annotations': textMap,
  'serviceAccount.labels': textMap,
  'service.annotations': textMap,
  'service.port': port,
  'networkPolicy.from': objects,
  'networkPolicy.apiServerPorts': { type: 'array', items: port, minItems: 1 },
  'networkPolicy.consul': objects,
  'networkPolicy.agents': objects,
  'networkPolicy.extraEgress': objects,
  'serviceMonitor.additionalLabels': textMap,
  'serviceMonitor.interval': duration,
  'serviceMonitor.scrapeTimeout': { type: 'string', pattern: `^(${durationPattern})?$` },
  'serviceMonitor.relabelings': objects,
  'serviceMonitor.metricRelabelings': objects,
  'podMonitor.additionalLabels': textMap,
  'podMonitor.interval': duration,
  'podMonitor.scrapeTimeout': { type: 'string', pattern: `^(${durationPattern})?$` },
  'podMonitor.relabelings': objects,
  'podMonitor.metricRelabelings': objects,
  'prometheusRule.labels': textMap,
  'prometheusRule.alertLabels': textMap,
  'dashboard.labels': textMap,
  'dashboard.annotations': textMap,
  'admissionPolicy.action': { enum: ['Warn', 'Deny'] },
  'admissionPolicy.excludeNamespaces': texts,
  'cleanup.timeoutSeconds': count(1),
};

/** Names that values had before, which go on working. The notes after an installation name the new ones. */
const renamed: Readonly<Record<string, Schema>> = {
  'image.pullSecrets': texts,
  'priorityClass.name': { type: 'string' },
  'serviceMonitor.labels': textMap,
  'podMonitor.labels': textMap,
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
  for (const [name, schema] of Object.entries(renamed)) {
    const [group, key] = name.split('.') as [string, string];
    (root.properties[group] as typeof root).properties[key] = { deprecated: true, ...schema };
  }
  root.properties['consul'] = { deprecated: true, ...(root.properties['consulCredentials'] as Schema) };
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
