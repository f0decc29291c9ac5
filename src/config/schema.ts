import * as z from 'zod';
import { plainAnnotations } from '../desired/annotations.ts';
import { baseTagMistake } from '../desired/base-tags.ts';
import { defaultReservedNames } from '../desired/claims.ts';
import { hostListMistake } from '../desired/host-list.ts';
import { labelMetaMistake } from '../desired/label-rules.ts';
import { labelSelectorMistake } from '../desired/label-selector.ts';
import {
  defaultKinds,
  namespaceAnnotationMistake,
  serviceTypes,
  systemNamespaces,
} from '../desired/sync-rules.ts';
import type { Secret } from '../lib/secret.ts';
import { routeSources } from '../model/route.ts';
import { compatibility } from './compatibility.ts';
import { leastConnections } from './connection-budget.ts';
import { consulAddress } from './consul-address.ts';
import { duration, filled, number, optional, quote, secret, text } from './fields.ts';
import { parseListenAddress } from './listen-address.ts';

/**
 * The configuration: the single source of validation, of the JSON Schema, of the chart's values and of the
 * reference documentation. Every key has a default or may be absent, so that any part of a configuration
 * can be checked on its own. Rules that involve several keys are in cross-check.ts.
 */

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
// Without look-ahead for the length: Helm reads these patterns too, and Go's regular expressions have none.
const dnsSubdomain = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/;
const dnsLabelForm = 'a DNS label; use lower-case letters, digits and hyphens, at most 63';

const cluster = z.strictObject({
  name: text(dnsLabel, dnsLabelForm).default('kubernetes').meta({
    description:
      "Name of this cluster. Its nodes' names in Consul start with it. Clusters that share a Consul need different names.",
  }),
  uid: text(/^[A-Za-z0-9][-A-Za-z0-9_.]{0,127}$/, 'usable as a uid; use letters, digits, "-", "_" and "."')
    .optional()
    .meta({
      description:
        'Identity of this cluster, which marks its entries in Consul. Default: the uid of the namespace kube-system. Set it only if the operator may not read that namespace.',
    }),
});

/** Text in which something is wrong, if `mistakeOf` says so. */
const checked = (mistakeOf: (text: string) => string | undefined) =>
  filled.superRefine((value, context) => {
    const message = mistakeOf(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

const selector = (description: string, example: string) =>
  checked(labelSelectorMistake)
    .optional()
    .meta({ description, examples: [example] });

const kubernetes = z.strictObject({
  kubeconfig: optional(
    'Path of a kubeconfig. Default: KUBECONFIG, then ~/.kube/config, then the ServiceAccount of the pod.',
  ),
  context: optional('Context of the kubeconfig. Default: its current context.'),
  namespaces: z.array(text(dnsLabel, dnsLabelForm)).default([]).meta({
    description:
      'Namespaces to watch. Empty: all, which needs cluster-wide rights. Otherwise rights in these namespaces are enough, and nodes are not watched.',
  }),
  podLabelSelector: selector(
    'Label selector for pods, to watch fewer of them in a large cluster.',
    'consul=yes,tier in (front, back)',
  ),
});

const acl = z.strictObject({
  authMethod: optional(
    'Auth method of type `kubernetes` or `jwt` to log in with instead of a token. Default: no login.',
    'kubernetes',
  ),
  bearerTokenFile: filled
    .default('/var/run/secrets/kubernetes.io/serviceaccount/token')
    .meta({ description: 'File with the token to log in with; read again at every login.' }),
});

const heartbeat = z.strictObject({
  enabled: z.boolean().default(false).meta({
    description:
      'Whether the operator registers itself in Consul as service `kube-registrar`, with a check that turns critical when it is gone. Needs Consul 1.21 and `session_prefix` rights.',
  }),
  // Consul lets a session live twice its time, and gives none less than ten seconds.
  ttl: duration('1m', 20_000, 'Time without a heartbeat after which the check turns critical.'),
});

const consul = z.strictObject({
  addresses: z
    .array(consulAddress)
    .min(1, { error: 'is empty; name at least one Consul address' })
    .prefault(['http://127.0.0.1:8500'])
    .meta({
      description: 'Addresses of Consul servers or agents, in order of preference.',
      default: ['http://127.0.0.1:8500'],
      examples: [['https://consul.example:8501']],
    }),
  token: secret('ACL token. Better in `tokenFile` or the environment than in a configuration file.'),
  tokenFile: optional('File with the ACL token.'),
  acl: acl.prefault({}).meta({ description: 'Login for an ACL token. See consul-access.md.' }),
  caFile: optional('PEM file with the certificate authorities to trust. Default: those of the system.'),
  certFile: optional('PEM file with the client certificate, for mutual TLS. Needs `keyFile`.'),
  keyFile: optional('PEM file with the key of the client certificate.'),
  serverName: optional("Name the server's certificate must carry. Default: the host of the address."),
  verify: z.boolean().default(true).meta({
    description: "Whether the server's certificate is verified. `false` only for tests.",
  }),
  allowPlaintextToken: z.boolean().default(false).meta({
    description:
      'Whether, in `registration.mode: agent`, a token may be sent to agents that cannot prove their identity: over plain HTTP, or with `verify: false`. On a node without an agent, anything that listens on its port then receives the token. Also silences the warning about a token that is sent to `addresses` over plain HTTP.',
  }),
  datacenter: optional('Datacenter to write to. Default: that of the server.'),
  namespace: optional('Namespace to write to (Consul Enterprise).'),
  partition: optional('Admin partition to write to (Consul Enterprise).'),
  connections: number(
    45,
    { least: leastConnections, most: 10_000, whole: true },
    'Maximum number of concurrent connections to one Consul server. Consul allows 200 per client address, and everything behind one NAT gateway or load balancer shares an address: the default leaves room for four processes. With more connections, more nodes are watched individually. See consul-access.md.',
  ),
  requestTimeout: duration('10s', 100, 'Timeout of requests that do not block.'),
  heartbeat: heartbeat
    .prefault({})
    .meta({ description: "The operator's own entry in Consul. See consul-access.md." }),
});

const leaderElection = z.strictObject({
  enabled: z.boolean().default(false).meta({
    description:
      'Whether the replicas elect a leader with a Lease; only the leader writes. Without it, run exactly one replica.',
  }),
  leaseName: text(dnsSubdomain, 'a name for a Lease; use lower-case letters, digits, "-" and "."')
    .default('kube-registrar')
    .meta({ description: 'Name of the Lease.' }),
  namespace: text(dnsLabel, dnsLabelForm).optional().meta({
    description: 'Namespace of the Lease. Default: that of the pod, or of the kubeconfig context.',
  }),
  leaseDuration: duration(
    '15s',
    1_000,
    'How long the other replicas wait after the last renewal before one of them takes over.',
  ),
  renewDeadline: duration(
    '10s',
    500,
    'How long the leader keeps leading if it cannot renew the Lease. Must be shorter than `leaseDuration`.',
  ),
  retryPeriod: duration(
    '2s',
    100,
    'How often the leader renews the Lease and the others check it. `renewDeadline` must be more than 1.2 times this.',
  ),
});

const namespacePattern = text(
  /^[a-z0-9*]([-a-z0-9*]{0,61}[a-z0-9*])?$/,
  'the name of a namespace; write "shop" or "team-*", in lower case, at most 63 characters',
);

const syncNamespaces = z.strictObject({
  include: z
    .array(namespacePattern)
    .min(1, { error: 'is empty; name at least one namespace, or remove the key' })
    .optional()
    .meta({
      description:
        'Only objects in these namespaces are registered, annotated or not; `*` stands for any text. Default: all namespaces.',
      examples: [['shop', 'team-*']],
    }),
  exclude: z
    .array(namespacePattern)
    .optional()
    .meta({
      description: `Objects in these namespaces are not registered, annotated or not; \`*\` stands for any text. Wins over \`include\`. Default: ${systemNamespaces.map((each) => `\`${each}\``).join(', ')}, for \`sync.default\` only; annotated objects in them are registered.`,
      examples: [['kube-*', 'sandbox']],
    }),
  selector: selector(
    'Label selector: only objects in matching namespaces are registered. Label changes take effect at once. Needs the right to list and watch namespaces.',
    'consul=yes',
  ),
});

const sync = z.strictObject({
  fullComparisonInterval: duration(
    '60s',
    1_000,
    'How often the complete desired state is compared with Consul, in addition to reacting to changes. Jittered by a few percent.',
  ),
  policy: z.enum(['sync', 'upsert-only', 'dry-run']).default('sync').meta({
    description:
      '`sync`: write and remove. `upsert-only`: never remove. `dry-run`: write nothing, only log what would be written.',
  }),
  default: z.enum(defaultKinds).default('none').meta({
    description:
      'What is registered without annotations: nothing, every Service under its name, or every pod with a container port under the name of its workload. `service: "false"` excludes an object.',
  }),
  namespaces: syncNamespaces
    .prefault({})
    .meta({ description: 'The namespaces whose objects are registered.' }),
  serviceTypes: z
    .array(z.enum(serviceTypes))
    .min(1, { error: 'is empty; name at least one type of Service' })
    .default(serviceTypes.filter((type) => type !== 'ExternalName'))
    .meta({
      description: `Types of Services that \`sync.default: services\` registers: ${serviceTypes.map((each) => `\`${each}\``).join(', ')}. \`Headless\` is a Service of type ClusterIP without an address.`,
    }),
  labelSelector: selector(
    'Label selector for the Services or pods that `sync.default` registers. Default: all.',
    'consul!=no',
  ),
  namespaceAnnotations: z
    .array(checked(namespaceAnnotationMistake))
    .default([])
    .meta({
      description:
        'Annotations that are allowed on a Namespace, where they are defaults for every object in it. Names without the prefix; `*` stands for any text. Needs the right to list and watch namespaces.',
      examples: [['tags', 'meta.*', 'drain']],
    }),
  sources: z
    .array(z.enum(routeSources))
    .default([])
    .meta({
      description:
        'Annotated resources to register in addition to pods and Services: `ingresses`, and `gateways` for HTTPRoutes, GRPCRoutes and TLSRoutes of the Gateway API. Each needs additional rights. See routes.md.',
      examples: [['ingresses', 'gateways']],
    }),
});

const agent = z.strictObject({
  scheme: z.enum(['http', 'https']).default('http').meta({
    description: 'Scheme of the HTTP API of the agents.',
  }),
  port: number(8500, { least: 1, most: 65_535, whole: true }, 'Port of the HTTP API of the agents.'),
  serverName: optional(
    "Name the agents' certificates must carry, with `https`. Default: the node's address.",
    'client.dc1.consul',
  ),
  ttl: duration(
    '5m',
    10_000,
    'How long an agent trusts the last reported readiness of an instance, which is reported three times in this period. When it expires, the instance becomes critical, so set it longer than any time without an operator, such as an upgrade.',
  ),
  comparisonInterval: duration(
    '30s',
    1_000,
    "How often an agent's registrations are read. Its restart is noticed at once in any case. Jittered by a few percent.",
  ),
});

const probedAnnotations = new Intl.ListFormat('en-GB').format(
  plainAnnotations.filter(({ form }) => form.probes).map(({ name }) => `\`${name}\``),
);

const hostList = (done: 'probed' | 'registered') =>
  z
    .array(
      z.string().superRefine((entry, context) => {
        const message = hostListMistake(entry, done);
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      }),
    )
    .default([]);

const registration = z.strictObject({
  mode: z.enum(['catalog', 'agent']).default('catalog').meta({
    description:
      "`catalog`: on nodes that the operator creates in the catalog. `agent`: with the Consul client agent on each pod's node. See agent-mode.md.",
  }),
  externalProbe: z
    .boolean()
    .default(false)
    .meta({
      description: `Whether external monitors (consul-esm) probe instances in mode \`catalog\`: nodes are marked with \`external-probe=true\`, and ${probedAnnotations} become checks with definitions.`,
    }),
  deregisterCriticalAfter: duration(
    '20s',
    1_000,
    'How long a probe must be critical before the prober removes the instance. The annotation `deregister-critical-after` overrides it. Agents wait at least one minute.',
  ),
  literalAddresses: hostList('registered').meta({
    description:
      'Literal addresses that the annotation `address` of a Service may contain: addresses, CIDRs, names, or name suffixes such as `*.lb.example`. Default: none, because a namespace could otherwise register any address. Link-local, loopback and similar addresses are never registered. See services.md.',
    examples: [['203.0.113.0/24', '*.lb.example']],
  }),
  probeHosts: hostList('probed').meta({
    description: `Hosts that ${probedAnnotations} may name in addition to the instance itself: addresses, CIDRs, names, or name suffixes such as \`*.db.example\`. Link-local, loopback and similar addresses are never probed. See security.md.`,
    examples: [['10.20.0.0/16', '*.db.example']],
  }),
  agent: agent.prefault({}).meta({ description: 'The agents on the nodes, in mode `agent`.' }),
});

const guard = z.strictObject({
  removals: z.boolean().default(true).meta({
    description:
      'Whether removals that nothing in the cluster explains must be confirmed by a consistent read, and are held if there are too many. `false`: whatever is missing is removed at once.',
  }),
  removalMinimum: number(
    10,
    { least: 0, most: 1_000_000, whole: true },
    'This many confirmed removals without an explanation are always allowed within the window, because small clusters quickly exceed any ratio. octoDNS also starts at 10 records.',
  ),
  removalRatio: number(
    0.3,
    { least: 0, most: 1 },
    'This share of all instances may be removed without an explanation within the window. The larger of the two limits applies. octoDNS refuses plans that delete more than 30 %.',
  ),
  health: z.boolean().default(true).meta({
    description: 'Whether a loss of health is held when many nodes cause it at once.',
  }),
  healthRatio: number(
    0.5,
    { least: 0, most: 1 },
    "A loss of health is held if nodes that are not Ready would make more than this share of a service's passing instances critical within the window. Envoy ignores health below 50 % healthy hosts.",
  ),
  healthNodeRatio: number(
    0.3,
    { least: 0, most: 1 },
    "It is held only if more than this share of the cluster's nodes is affected: a few nodes are probably broken, many are probably cut off from the control plane. Two of twenty nodes are believed at once, one of three zones is not.",
  ),
  healthMinimumNodes: number(
    2,
    { least: 1, most: 100_000, whole: true },
    'It is held only if at least this many nodes become not Ready within the window: one lost node is probably broken, several at once are probably cut off.',
  ),
  window: duration(
    '5m',
    1_000,
    'Period over which removals and losses of health are counted. Kubernetes evicts the pods of a node that is not Ready after the same time.',
  ),
  settle: duration(
    '1s',
    0,
    'How long an unexplained removal, or the loss of a node, waits for others with the same cause. Their events usually arrive within this time.',
  ),
  kubeletGrace: duration(
    '75s',
    1_000,
    'How long a kubelet that is in touch with the API server may take to learn that a pod is deleted, and to stop it. After an API server outage it may wait 60 s before it lists its pods, and Leases are read every 10 s.',
  ),
  confirm: duration(
    '2m',
    1_000,
    'How long removals are held when no kubelet can confirm them. They are then made in batches, if consistent reads this far apart agree and the API server was healthy throughout. Set it longer than a restart of the control plane takes.',
  ),
  maxHold: duration(
    '15m',
    1_000,
    'How long a hold lasts at most, if the API server was healthy throughout: it answers, accepts writes, and its history does not go backwards. This leaves time to investigate and to pin what still runs, without keeping wrong entries forever.',
  ),
  release: z.enum(['automatic', 'manual']).default('automatic').meta({
    description:
      '`manual`: a hold only ends when the pod is proved to have ended or a person releases it, never because time has passed.',
  }),
});

const namespacesOf = (description: string) =>
  z
    .array(
      text(
        /^(\*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$/,
        'a namespace; write its name, or "*" for every namespace',
      ),
    )
    .prefault([])
    .refine((list) => list.length > 0, { error: 'is empty; name at least one namespace, or "*"' })
    .meta({ description });

const claim = z.strictObject({
  namespaces: namespacesOf('Namespaces that may register these names; `*` stands for every namespace.'),
  services: z
    .array(
      text(
        /^(([A-Za-z0-9-]|\{namespace\})+\*?|\*)$/,
        'a service name; write "web", "web-*" or "{namespace}-*", with letters, digits and hyphens',
      ),
    )
    .prefault([])
    .refine((list) => list.length > 0, {
      error: 'is empty; name at least one service, such as "web" or "web-*"',
    })
    .meta({
      description:
        'Consul service names, or prefixes followed by `*`; `{namespace}` stands for the namespace that registers.',
    }),
});

const reservedName = text(
  /^[A-Za-z0-9*-]{1,63}$/,
  'a service name; write "web" or "web-*", with letters, digits and hyphens',
);
// Without quotes and backslashes: the chart writes them into expressions of the API server.
const tagPattern = text(
  /^[^\s\\'"]{1,128}$/,
  'a pattern for tags; write "urlprefix-*", without spaces, quotes and backslashes, at most 128 characters',
);
const metaPattern = text(
  /^[A-Za-z0-9_*-]{1,128}$/,
  'a pattern for meta keys; write "route_*", with letters, digits, "_" and "-"',
);

const patternRule = (pattern: typeof tagPattern, what: string) => {
  const patterns = (verb: string) =>
    z
      .array(pattern)
      .default([])
      .meta({ description: `${what} that are ${verb}; \`*\` stands for any text. Case does not matter.` });
  return z
    .strictObject({
      namespaces: namespacesOf('Namespaces to which the rule applies; `*` stands for every namespace.'),
      allow: patterns('allowed'),
      deny: patterns('denied'),
    })
    .refine(({ allow, deny }) => allow.length + deny.length > 0, {
      error: 'allows and denies nothing; name at least one pattern in "allow" or "deny"',
    });
};

const naming = z.strictObject({
  template: text(
    /^([A-Za-z0-9-]|\{namespace\})*\{name\}([A-Za-z0-9-]|\{namespace\})*$/,
    'a template for names; write it like "{namespace}-{name}", with letters, digits and hyphens, and {name} once',
  )
    .default('{name}')
    .meta({
      description:
        'Builds the Consul name of objects that do not specify one, such as a Service with `service: "true"`: `{name}` is the object\'s own name, `{namespace}` its namespace. A result of more than 63 characters is refused. Claims and reserved names apply to the result.',
      examples: ['{namespace}-{name}', 'k8s-{name}'],
    }),
  explicit: z.boolean().default(false).meta({
    description: 'Whether `template` also applies to names in annotations.',
  }),
});

const baseTag = text(
  /^[^\s\\'",]{1,128}$/,
  'a tag; write it without spaces, commas, quotes and backslashes, at most 128 characters',
).superRefine((tag, context) => {
  const message = baseTagMistake(tag);
  if (message !== undefined) context.addIssue({ code: 'custom', message: `${quote(tag)} ${message}` });
});

const labelPattern = text(
  /^[A-Za-z0-9._/*-]{1,317}$/,
  'a pattern for the keys of labels; write "team" or "app.kubernetes.io/*"',
).meta({ description: 'Key of the label; `*` stands for any text.' });

const labelToTag = z.strictObject({
  label: labelPattern,
  tag: text(
    /^([^\s\\'",{}]|\{(key|name|value)\}){1,128}$/,
    'the form of a tag; write it like "{name}={value}", without spaces, with {key}, {name} and {value}',
  )
    .default('{name}={value}')
    .meta({
      description:
        'The tag, built from `{value}`, `{key}` and `{name}` (the part of the key after the slash).',
    }),
});

const labelToMeta = z.strictObject({
  label: labelPattern,
  key: text(
    /^([A-Za-z0-9_-]|\{(key|name)\}){1,128}$/,
    'the form of a meta key; write it like "k8s_{name}", with letters, digits, "_", "-", {key} and {name}',
  )
    .superRefine((form, context) => {
      const message = labelMetaMistake(form);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .default('{name}')
    .meta({ description: 'The meta key, built from `{key}` and `{name}`.' }),
});

const labels = z.strictObject({
  toTags: z.array(labelToTag).max(32, { error: 'has more than 32 entries' }).default([]).meta({
    description:
      'Labels of pods, Services, Ingresses and routes that become tags of their instances. `label` is a key, or a pattern with `*`; `tag` is the form of the tag, by default `{name}={value}`. The first entry that matches a label applies.',
  }),
  toMeta: z.array(labelToMeta).max(32, { error: 'has more than 32 entries' }).default([]).meta({
    description:
      'The same for meta: `key` is the form of the meta key, by default `{name}`. Characters that Consul does not allow become `_`. Meta from annotations wins.',
  }),
});

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
