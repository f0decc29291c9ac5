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
 * The configuration: the one source of validation, of the JSON Schema, of the chart's values and of the
 * reference documentation. Every key has a default or may be absent, so that any part of a configuration
 * can be checked by itself. Rules over several keys are in cross-check.ts.
 */

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
// Without look-ahead for the length: Helm reads these patterns too, and Go's regular expressions have none.
const dnsSubdomain = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/;
const dnsLabelForm = 'a DNS label; use lower-case letters, digits and hyphens, at most 63';

const cluster = z.strictObject({
  name: text(dnsLabel, dnsLabelForm).default('kubernetes').meta({
    description:
      'Name of this cluster. First part of the names of its nodes in Consul; two clusters that share a Consul need two names.',
  }),
  uid: text(/^[A-Za-z0-9][-A-Za-z0-9_.]{0,127}$/, 'usable as a uid; use letters, digits, "-", "_" and "."')
    .optional()
    .meta({
      description:
        'Identity of this cluster, by which its entries in Consul are recognised. Default: the uid of the namespace kube-system. Set it only if the operator may not read that namespace.',
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
      'Namespaces to watch. Empty: all, which needs cluster-wide rights. With names, rights in those namespaces are enough; nodes are then not watched.',
  }),
  podLabelSelector: selector(
    'Label selector for pods, to see fewer of them in a large cluster.',
    'consul=yes,tier in (front, back)',
  ),
});

const acl = z.strictObject({
  authMethod: optional(
    'Auth method of type `kubernetes` or `jwt` to log in with, in place of a token. Default: no login.',
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
      'Whether a token may go to agents that cannot prove who they are, in `registration.mode: agent`: over plain http, or with `verify: false`. Anything that listens on the port of a node without an agent then gets it. Also ends the warning about a token that goes to `addresses` over plain http.',
  }),
  datacenter: optional('Datacenter to write to. Default: that of the server.'),
  namespace: optional('Namespace to write to (Consul Enterprise).'),
  partition: optional('Admin partition to write to (Consul Enterprise).'),
  connections: number(
    45,
    { least: leastConnections, most: 10_000, whole: true },
    'Most connections to one Consul server at the same time. Consul grants one client address 200, and everything behind one NAT gateway or load balancer is one address: with the default, four processes fit. With more, more nodes are watched one by one. See consul-access.md.',
  ),
  requestTimeout: duration('10s', 100, 'Longest wait for the answer to a request that does not block.'),
  heartbeat: heartbeat
    .prefault({})
    .meta({ description: "The operator's own entry in Consul. See consul-access.md." }),
});

const leaderElection = z.strictObject({
  enabled: z.boolean().default(false).meta({
    description:
      'Whether several replicas elect the one that writes, through a Lease. Without it, run exactly one.',
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
    'How long the others wait after the last renewal until one of them takes over.',
  ),
  renewDeadline: duration(
    '10s',
    500,
    'How long the leader goes on without having renewed the Lease. Shorter than `leaseDuration`.',
  ),
  retryPeriod: duration(
    '2s',
    100,
    'How often the leader renews the Lease and the others check it. `renewDeadline` is more than 1.2 times this.',
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
        'Namespaces of which anything is registered, annotated or not; `*` stands for any text. Default: all.',
      examples: [['shop', 'team-*']],
    }),
  exclude: z
    .array(namespacePattern)
    .optional()
    .meta({
      description: `Namespaces of which nothing is registered, annotated or not; \`*\` stands for any text. It wins over \`include\`. Default: ${systemNamespaces.map((each) => `\`${each}\``).join(', ')}, for \`sync.default\` only; what is annotated there is registered.`,
      examples: [['kube-*', 'sandbox']],
    }),
  selector: selector(
    'Label selector for namespaces: of the others, nothing is registered. It is followed as labels change. Needs the right to list and watch namespaces.',
    'consul=yes',
  ),
});

const sync = z.strictObject({
  fullComparisonInterval: duration(
    '60s',
    1_000,
    'How often the complete desired state is compared with Consul, in addition to reacting to changes. Varied by some percent.',
  ),
  policy: z.enum(['sync', 'upsert-only', 'dry-run']).default('sync').meta({
    description:
      '`sync`: write and remove. `upsert-only`: never remove. `dry-run`: only log what would be done.',
  }),
  default: z.enum(defaultKinds).default('none').meta({
    description:
      'What is registered without annotations: nothing, every Service under its name, or every pod with a container port under the name of its workload. `service: "false"` leaves an object out.',
  }),
  namespaces: syncNamespaces
    .prefault({})
    .meta({ description: 'The namespaces of which anything is registered.' }),
  serviceTypes: z
    .array(z.enum(serviceTypes))
    .min(1, { error: 'is empty; name at least one type of Service' })
    .default(serviceTypes.filter((type) => type !== 'ExternalName'))
    .meta({
      description: `Types of Services that \`sync.default: services\` takes: ${serviceTypes.map((each) => `\`${each}\``).join(', ')}. \`Headless\` is a Service of type ClusterIP without an address.`,
    }),
  labelSelector: selector(
    'Label selector for the Services or pods that `sync.default` takes. Default: all.',
    'consul!=no',
  ),
  namespaceAnnotations: z
    .array(checked(namespaceAnnotationMistake))
    .default([])
    .meta({
      description:
        'Annotations that may stand on a Namespace, as defaults for every object in it, by name without the prefix; `*` stands for any text. Needs the right to list and watch namespaces.',
      examples: [['tags', 'meta.*', 'drain']],
    }),
  sources: z
    .array(z.enum(routeSources))
    .default([])
    .meta({
      description:
        'What is watched for annotations beside pods and Services: `ingresses`, and `gateways` for HTTPRoutes, GRPCRoutes and TLSRoutes of the Gateway API. Each needs its rights. See routes.md.',
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
    'How long an agent trusts the last reported readiness of an instance; it is reported three times as often. Longer than any time without an operator, such as an upgrade: when it runs out, the instance becomes critical.',
  ),
  comparisonInterval: duration(
    '30s',
    1_000,
    'How often the registrations at an agent are read, in addition to noticing its restart at once. Varied by some percent.',
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
      '`catalog`: on nodes that the operator makes in the catalog. `agent`: with the Consul client agent on the node of each pod. See agent-mode.md.',
  }),
  externalProbe: z
    .boolean()
    .default(false)
    .meta({
      description: `Whether external monitors (consul-esm) are to probe, in mode \`catalog\`: nodes are marked with \`external-probe=true\`, and ${probedAnnotations} become checks with definitions.`,
    }),
  deregisterCriticalAfter: duration(
    '20s',
    1_000,
    'How long an instance must be critical in a probe before the prober removes it, unless `deregister-critical-after` says otherwise. Agents make it at least a minute.',
  ),
  literalAddresses: hostList('registered').meta({
    description:
      'Addresses that the annotation `address` of a Service may write out: addresses, CIDRs, names, or `*.` and the end of names. Default: none, because such a namespace could register any address. Link-local, loopback and the like are never registered. See services.md.',
    examples: [['203.0.113.0/24', '*.lb.example']],
  }),
  probeHosts: hostList('probed').meta({
    description: `Hosts that ${probedAnnotations} may name beside the instance itself: addresses, CIDRs, names, or \`*.\` and the end of names. Link-local, loopback and the like are never probed. See security.md.`,
    examples: [['10.20.0.0/16', '*.db.example']],
  }),
  agent: agent.prefault({}).meta({ description: 'The agents on the nodes, in mode `agent`.' }),
});

const guard = z.strictObject({
  removals: z.boolean().default(true).meta({
    description:
      'Whether a removal that nothing in the cluster explains is confirmed by a consistent read, and held when there are too many. `false`: whatever is missing is removed at once.',
  }),
  removalMinimum: number(
    10,
    { least: 0, most: 1_000_000, whole: true },
    'This many unexplained removals within the window are always allowed, once confirmed. Small clusters soon exceed any share; octoDNS also starts at 10 records.',
  ),
  removalRatio: number(
    0.3,
    { least: 0, most: 1 },
    'This share of all instances may be removed unexplained within the window. The larger of both limits counts. octoDNS refuses plans that delete more than 30 %.',
  ),
  health: z.boolean().default(true).meta({
    description: 'Whether a loss of health because of many nodes at once is held.',
  }),
  healthRatio: number(
    0.5,
    { least: 0, most: 1 },
    "Above this share of a service's passing instances, a loss within the window because their nodes are not Ready is held. Envoy ignores health below 50 % healthy hosts.",
  ),
  healthNodeRatio: number(
    0.3,
    { least: 0, most: 1 },
    "And only above this share of the cluster's nodes: fewer are broken nodes, more are likely cut off from the control plane. Two of twenty nodes are believed at once, one of three zones is not.",
  ),
  healthMinimumNodes: number(
    2,
    { least: 1, most: 100_000, whole: true },
    'With fewer nodes not Ready within the window, their instances become critical in any case: one lost node is broken, several at once are more likely cut off.',
  ),
  window: duration(
    '5m',
    1_000,
    'Period over which removals and losses of health are added up. Kubernetes evicts the pods of a node that is not Ready after the same time.',
  ),
  settle: duration(
    '1s',
    0,
    'How long an unexplained removal, or the loss of a node, waits for others that belong to it. The events of one cause arrive within it.',
  ),
  kubeletGrace: duration(
    '75s',
    1_000,
    'How long a kubelet that is in touch with the API server may take to hear that it does not have a pod any more, and to end it. It may wait 60 s after the API server was away before it lists its pods, and Leases are read every 10 s.',
  ),
  confirm: duration(
    '2m',
    1_000,
    'How long held removals wait when no kubelet can confirm them. They are then removed in portions, once consistent reads this far apart agree and the API server was healthy all the time. Longer than a restart of the control plane.',
  ),
  maxHold: duration(
    '15m',
    1_000,
    'After how long every hold ends by itself, if the API server was healthy all the time: it answers, accepts writes, and its history does not go backwards. It leaves time to look, and to pin what still runs; entries that stay wrong are a fault as well.',
  ),
  release: z.enum(['automatic', 'manual']).default('automatic').meta({
    description:
      '`manual`: a hold ends when the pod is proved to have ended or when a person releases it, and never because time has passed.',
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
  namespaces: namespacesOf('Namespaces that may register these names; `*` stands for each of them.'),
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
        'Consul service names, or beginnings of them with `*` at the end; `{namespace}` stands for the namespace that registers.',
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
      namespaces: namespacesOf('Namespaces the rule is for; `*` stands for each of them.'),
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
        'The name in Consul of what asks for none, such as a Service with `service: "true"`: `{name}` is its own name, `{namespace}` its namespace. A result that is longer than 63 characters is refused. Claims and reserved names hold for the result.',
      examples: ['{namespace}-{name}', 'k8s-{name}'],
    }),
  explicit: z.boolean().default(false).meta({
    description: 'Whether names that annotations give go through `template`, too.',
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
      description: 'The tag: `{value}`, `{key}`, and `{name}`, which is the key behind its slash.',
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
    .meta({ description: 'The meta key, of `{key}` and `{name}`.' }),
});

const labels = z.strictObject({
  toTags: z.array(labelToTag).max(32, { error: 'has more than 32 entries' }).default([]).meta({
    description:
      'Labels of pods, Services, Ingresses and routes that become tags of their instances. `label` is a key, or a pattern with `*`; `tag` the form of the tag, by default `{name}={value}`. For each label the first entry that fits counts.',
  }),
  toMeta: z.array(labelToMeta).max(32, { error: 'has more than 32 entries' }).default([]).meta({
    description:
      'The same for meta: `key` is the form of the meta key, by default `{name}`. What Consul takes in no key becomes `_`. Meta of annotations wins.',
  }),
});

const log = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info').meta({
    description: 'Least level that is logged.',
  }),
  format: z.enum(['json', 'text']).default('json').meta({
    description: '`json`: one object a line. `text`: for people.',
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
  guard: guard
    .prefault({})
    .meta({ description: 'What is held until it is confirmed. See docs/safety.md for the reasons.' }),
  claims: z.array(claim).default([]).meta({
    description:
      'Which namespaces may register which service names. A name that claims cover is only for the namespaces of these claims; a name that no claim covers is free for all. See security.md.',
  }),
  reservedNames: z
    .array(reservedName)
    .default([...defaultReservedNames])
    .meta({
      description:
        'Service names that nobody may register, unless a claim names them exactly; `*` stands for any text. The default lists the names under which Consul, Nomad, Vault and this operator register themselves.',
      examples: [['consul', 'kube-registrar', 'vault*']],
    }),
  tagRules: z.array(patternRule(tagPattern, 'Tags')).default([]).meta({
    description:
      'Which tags namespaces may use. The first rule that names the namespace and has a matching pattern decides, `deny` before `allow`; what no pattern matches is allowed. See security.md.',
  }),
  metaRules: z.array(patternRule(metaPattern, 'Meta keys')).default([]).meta({
    description: 'The same for the keys of meta, `protocol` and `health_url` among them.',
  }),
  compatibility: compatibility
    .prefault({})
    .meta({ description: "Other programs' annotations and defaults, which work beside ours." }),
  naming: naming.prefault({}).meta({ description: 'How names in Consul are made. See rules.md.' }),
  baseTags: z
    .array(baseTag)
    .max(16, { error: 'has more than 16 tags' })
    .default([])
    .meta({
      description:
        'Tags of every instance, with the placeholders `{pod.namespace}`, `{node.name}`, `{node.zone}`, `{node.region}` and `{cluster.name}`. One whose placeholder has no value is left out. `tagRules` do not apply to them.',
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
