import { addressForm } from './address-form.ts';
import { grpcTarget, httpTarget, tcpTarget } from './probes.ts';
import { choice, duration, type Form, matching, portChoice, reason, serviceForm, weight } from './values.ts';

/** What there is to say of every annotation. Texts are Markdown, for the documentation. */
export interface Annotation {
  /** What may be written, and what comes of it. */
  readonly means: string;
  /** The default in words, where it is not the value `initial`. */
  readonly initially?: string;
  /** In bytes, as written; what is longer is not read. Default: `longestValue`. */
  readonly longest?: number;
  /** The meta key in Consul that it sets. A value that is text becomes the value of the key. */
  readonly sets?: string;
  /** A placeholder without a value becomes empty, with a warning. Default: it is an error. */
  readonly lenient?: true;
  /** Takes effect only where Consul agents (mode `agent`) or external monitors probe. */
  readonly needsProber?: true;
  /** Why the API server cannot check the value before it is stored. Absent: it does, by `form.cel`. */
  readonly unchecked?: string;
}

/** An annotation with one value of its own, which `parseDeclaration()` reads by its form. */
interface Plain<Value> extends Annotation {
  readonly form: Form<Value>;
  /** What an absent one counts as. */
  readonly initial: Value;
}

function plain<Value>(
  form: Form<Value>,
  rest: Annotation & { readonly initial: NoInfer<Value> },
): Plain<Value>;
function plain<Value>(form: Form<Value>, rest: Annotation): Plain<Value | undefined>;
function plain<Value>(form: Form<Value>, rest: Annotation & { readonly initial?: Value }) {
  return { initial: undefined, ...rest, form };
}

/** In bytes: longer than any value may be once its placeholders are filled in, as many names of placeholders are. */
const longestValue = 640;

/**
 * Every annotation, by its name without the prefix. The parser, the admission policy and the documentation are
 * made from this table. Those without a `form` have code of their own: tags.ts, meta.ts, services-list.ts.
 */
export const annotations = {
  service: plain(serviceForm, {
    means:
      'name in Consul; setting it opts in. On a Service, Ingress or route, `"true"` means its own name. `"false"` opts out; on a pod, also from registration by annotated Services in front of it',
    initially: '–',
  }),
  port: plain(portChoice, {
    means:
      'container port, by name or number; on a Service, its port by name or number; on an Ingress `http` or `https`, on a route a listener. `"*"` registers [every port](reference/annotations.md#every-port) under its own name',
    initially: 'the only port',
  }),
  tags: {
    means: 'comma-separated; `\\,` is a literal comma',
    longest: 4_096,
    lenient: true,
    unchecked: 'only its length and its placeholders',
  },
  'meta.<key>': {
    means: 'a value of at most 512 bytes; the key consists of `A-Z a-z 0-9 _ -`',
    lenient: true,
  },
  // An open list, so only its form is checked.
  protocol: plain(
    matching('^[A-Za-z0-9][A-Za-z0-9.+/-]{0,31}$', 'is not a protocol; write it like tcp, http, grpc or ws'),
    { means: '`tcp`, `http`, `grpc`, `ws` …; becomes meta `protocol`', sets: 'protocol' },
  ),
  'health-url': plain(httpTarget, {
    means:
      'a path on the instance, or [another target](agent-mode.md#what-may-be-probed); becomes meta `health_url`, and an HTTP check where Consul probes',
    sets: 'health_url',
  }),
  'id-scheme': plain(choice('kube-registrar', 'consul-k8s'), {
    means:
      "how the instance's id is built; `consul-k8s` builds it as consul-k8s does, if `compatibility.consulK8s.ids` is set: [migration](migrate-from-consul-k8s.md)",
    initial: 'kube-registrar',
  }),
  weight: plain(weight, { means: '1–65535, weight while passing', initial: 1 }),
  'weight-warning': plain(weight, { means: '1–65535, weight while a check warns', initial: 1 }),
  address: plain(addressForm, {
    means:
      "`pod`; `host` (the node's address) or `node-external`, for pods with a `hostPort` or on the host's network; on a Service also `load-balancer`, `node-port`, `external-ips`, `cluster-ip`, `auto` or a [literal address](services.md#literal-addresses)",
    initial: 'pod',
  }),
  'node-port': plain(choice('endpoints', 'nodes'), {
    means:
      'with address `node-port`: `endpoints` for nodes that have an endpoint of the Service, `nodes` for all nodes',
    initial: 'endpoints',
  }),
  'node-address': plain(choice('internal', 'external', 'external-first', 'both'), {
    means:
      'with address `node-port`: `internal` (InternalIP), `external` (ExternalIP), `external-first` (ExternalIP if the node has one) or `both` (an instance for each)',
    initial: 'internal',
  }),
  check: plain(choice('readiness', 'none'), {
    means: '`readiness`, or `none`: always passing while registered',
    initial: 'readiness',
  }),
  'check-http': plain(httpTarget, {
    means: 'a path on the instance; `https://:8443/path` for another port',
    needsProber: true,
  }),
  'check-tcp': plain(tcpTarget, { means: 'port of the instance, by name or number', needsProber: true }),
  'check-grpc': plain(grpcTarget, {
    means: "the same, for gRPC's health protocol; append `/service` to check one service",
    needsProber: true,
  }),
  'check-interval': plain(duration, {
    means: 'a duration: how often the checks run',
    initial: 10_000,
    needsProber: true,
  }),
  'check-timeout': plain(duration, {
    means: 'a duration: how long a check may take',
    initial: 1_000,
    needsProber: true,
  }),
  'deregister-critical-after': plain(duration, {
    means: 'a duration after which a critical instance is removed',
    initially: '20s (`registration.deregisterCriticalAfter`)',
    needsProber: true,
  }),
  drain: plain(choice('critical', 'warning', 'deregister'), {
    means: 'what a terminating instance becomes: `critical`, `warning` or `deregister`',
    initial: 'critical',
  }),
  warmup: plain(duration, {
    means:
      'a duration such as `5m`, during which the weight grows from 1 in five steps; then meta `service_state` changes from `young` to `adult`',
  }),
  maintenance: plain(reason, {
    means: "a reason; puts the instance into Consul's maintenance mode. `false` means not set",
    initially: 'off',
    lenient: true,
  }),
  services: {
    means: 'a YAML list of the same fields, for several services from one pod; at most 32 services and 8 KB',
    initially: '–',
    longest: 8_192,
    unchecked: 'only its length, because CEL cannot read YAML',
  },
} as const satisfies Readonly<Record<string, Annotation | Plain<unknown>>>;

type Table = typeof annotations;

/** What a declaration says, by the names of the annotations. */
export type AnnotationValues = {
  readonly [Name in keyof Table as Table[Name] extends Plain<unknown>
    ? Name
    : never]: Table[Name] extends Plain<infer Value> ? Value : never;
};

/** The annotations with a form. */
export const plainAnnotations = Object.entries(
  annotations as Readonly<Record<string, Annotation | Plain<unknown>>>,
).flatMap(([name, entry]) => ('form' in entry ? [{ name: name as keyof AnnotationValues, ...entry }] : []));

/** The annotations that set a meta key in Consul. */
export const metaSetters = plainAnnotations.flatMap(({ name, sets }) =>
  sets === undefined ? [] : [{ name, metaKey: sets }],
);

/** How long a value may be as it is written, in bytes. What is longer is not read. */
export function longestText(name: string): number {
  const entry: Annotation | undefined = Object.hasOwn(annotations, name)
    ? annotations[name as keyof Table]
    : undefined;
  return entry?.longest ?? longestValue;
}
