import { defaultReservedNames } from '../../src/desired/claims.ts';
import { addressKinds, checkKinds, drains } from '../../src/desired/declaration.ts';
import { fields, longestText, metaPrefix, servicesField } from '../../src/desired/fields.ts';
import { autoMeta, mostUserKeys } from '../../src/desired/meta.ts';

/** One validation of a ValidatingAdmissionPolicy. `@/` stands for the annotations' prefix and its slash. */
export interface AdmissionRule {
  readonly expression: string;
  readonly message?: string;
  readonly messageExpression?: string;
}

export interface AdmissionRules {
  /** What the expressions stand on, beside `variables.a` and `variables.isService`. */
  readonly variables: readonly { readonly name: string; readonly expression: string }[];
  /** What is not registered because of it. */
  readonly errors: readonly AdmissionRule[];
  /** What is registered and probably not as it was meant. */
  readonly doubts: readonly AdmissionRule[];
  /** Errors in what is to be probed: without hosts in `registration.probeHosts`, and with some. */
  readonly ownProbes: readonly AdmissionRule[];
  readonly namedProbes: readonly AdmissionRule[];
  /** `reservedNames`, unless the configuration has its own. */
  readonly reservedNames: readonly string[];
}

/**
 * The annotation grammar of src/desired in CEL, as far as CEL goes: YAML lists (`services`) are not read and
 * placeholders not filled in. Never refuses what the operator takes; test/support/annotation-examples.ts holds
 * both to that. In the expressions `variables.a` are the annotations and `variables.isService` says what
 * carries them.
 */
export function admissionRules(): AdmissionRules {
  const choice = (choices: readonly string[]) => (value: string) =>
    `${value} in [${choices.map(literal).join(', ')}]`;
  const list = (choices: readonly string[]) => choices.join(', ');
  return {
    variables: [
      { name: 'keys', expression: "variables.a.filter(k, k.startsWith('@/'))" },
      {
        name: 'active',
        expression: `${quoted('service')} in variables.a && variables.a[${quoted('service')}].trim().lowerAscii() != 'false'`,
      },
    ],
    errors: [
      {
        expression: when('service', (value) =>
          [
            `${value}.matches(${literal(label)})`,
            `(variables.isService || ${value}.lowerAscii() != 'true')`,
          ].join(' && '),
        ),
        messageExpression: told(
          'service',
          'is not a name usable in DNS: letters, digits and hyphens, at most 63',
        ),
      },
      {
        expression: when(
          'port',
          (value) =>
            `${value}.matches('^[0-9]+$') ? ${portNumber(value)} : ${value}.matches(${literal(label)})`,
        ),
        messageExpression: told('port', 'is neither the name of a port nor a number from 1 to 65535'),
      },
      ...(['weight', 'weight-warning'] as const).map((field) => ({
        expression: when(field, portNumber),
        messageExpression: told(field, 'is not a whole number from 1 to 65535'),
      })),
      ...Object.entries({ address: addressKinds, check: checkKinds, drain: drains }).map(
        ([field, choices]) => ({
          expression: when(field, choice(choices)),
          messageExpression: told(field, `is not one of ${list(choices)}`),
        }),
      ),
      ...['check-interval', 'check-timeout', 'deregister-critical-after', 'warmup'].map((field) => ({
        expression: when(field, (value) => `${value}.matches(${literal(durationForm)})`),
        messageExpression: told(field, 'is not a duration; write it like 500ms, 10s or 1m30s'),
      })),
      {
        expression: when('protocol', (value) => `${value}.matches('^[A-Za-z0-9][A-Za-z0-9.+/-]{0,31}$')`),
        messageExpression: told('protocol', 'is not a protocol; write it like tcp, http, grpc or ws'),
      },
      {
        expression: when('maintenance', (value) => `bytes(${value}).size() <= 512`),
        message: `${key('maintenance')}: is longer than 512 bytes`,
      },
      ...metaRules(),
      {
        expression: `${off} || ${own}.all(k, variables.a[k].matches(${literal(placeholders)}))`,
        messageExpression: `${own}.filter(k, !variables.a[k].matches(${literal(placeholders)})).join(', ') + ': holds a placeholder that is not known or not closed; known are ${[...placeholderNames, 'pod.label.<key>'].map((name) => `{${name}}`).join(', ')}; write {{ for a brace'`,
      },
      {
        expression: `${off} || ${own}.all(k, bytes(variables.a[k]).size() <= (${longestOfKey}))`,
        messageExpression: `${own}.filter(k, bytes(variables.a[k]).size() > (${longestOfKey})).join(', ') + ': is longer than ${longestText('service')} bytes, or as tags ${longestText('tags')}'`,
      },
      {
        expression: `!(${quoted(servicesField)} in variables.a) || bytes(variables.a[${quoted(servicesField)}]).size() <= ${longestText(servicesField)}`,
        message: `${key(servicesField)}: is longer than ${longestText(servicesField)} bytes`,
      },
    ],
    ownProbes: probeRules(addressForm),
    namedProbes: probeRules(`${addressForm}|${nameForm}`),
    reservedNames: defaultReservedNames,
    doubts: [
      {
        expression: `variables.keys.all(k, ${isKnown})`,
        messageExpression: `variables.keys.filter(k, !(${isKnown})).join(', ') + ': unknown and ignored; known are ${list([...fields, `${metaPrefix}<key>`, servicesField])}'`,
      },
      {
        expression: `${quoted('service')} in variables.a || ${own}.size() == 0`,
        messageExpression: `${own}.join(', ') + ': no effect without ${key('service')}'`,
      },
    ],
  };
}

const label = '^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$';
/** Without a sign, and not zero: the forms Go takes, in the units the operator takes. */
const durationForm =
  '^([0-9]+[.]?[0-9]*|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+[.]?[0-9]*|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h))*$';
const placeholderNames = [
  'pod.name',
  'pod.namespace',
  'node.name',
  'node.zone',
  'node.region',
  'cluster.name',
];
const placeholders = `^([^{]|[{][{]|[{](${placeholderNames.map((name) => name.replace('.', '[.]')).join('|')}|pod[.]label[.][^{}]+)[}])*$`;

const addressForm = '[0-9]{1,3}([.][0-9]{1,3}){3}|[[][0-9A-Fa-f:.]+[]]';
const nameForm = '[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*';
/** Loopback, link-local, multicast and the like, as far as a form shows them. */
const specialForm =
  '127[.]|169[.]254[.]|0[.]|22[4-9][.]|2[345][0-9][.]|[[]::|[[][Ff][Ee][89A-Fa-f]|[[][Ff][Ff]|(?i:([^/:]*[.])?localhost)($|[:/?#])';
const portForm = '[A-Za-z0-9-]{1,63}';

/** An address may turn out to be the instance's own; whether it is, the operator says. */
function probeRules(host: string): AdmissionRule[] {
  const url = (value: string) =>
    `bytes(${value}).size() <= 448 && (${value}.matches('^/([^/[:space:]][^[:space:]]*)?$') || ` +
    `${value}.matches('^(?i:https?)://(${host})?(:${portForm})?([/?#][^[:space:]]*)?$') && ` +
    `!${value}.matches('^(?i:https?)://(${specialForm})'))`;
  const target = (end: string) => (value: string) =>
    `${value}.matches('^((${host})?:)?${portForm}${end}$') && !${value}.matches('^(${specialForm})')`;
  const urls = 'is not a path such as /healthz, nor a URL of the instance such as https://:8443/healthz';
  const targets = 'is not the name or number of a port of the instance';
  return [
    ...['health-url', 'check-http', 'meta.health_url'].map((field) => ({
      expression: when(field, url),
      messageExpression: told(field, urls),
    })),
    { expression: when('check-tcp', target('')), messageExpression: told('check-tcp', targets) },
    {
      expression: when('check-grpc', target('(/[A-Za-z0-9_.-]{0,255})?')),
      messageExpression: told('check-grpc', targets),
    },
  ];
}

/** A text as CEL writes it. The regular expressions hold no quotes and no backslashes. */
const literal = (text: string): string => `'${text}'`;
const key = (field: string): string => `@/${field}`;
const quoted = (field: string): string => literal(key(field));

const isKnown = `k in [${[...fields, servicesField].map(quoted).join(', ')}] || k.startsWith(${quoted(metaPrefix)})`;
/** How long the value of `k` may be, in bytes. */
const longestOfKey = `k == ${quoted('tags')} ? ${longestText('tags')} : ${longestText('service')}`;
/** The keys of one declaration; `services` has a grammar of its own. */
const own = `variables.keys.filter(k, k != ${quoted(servicesField)} && (${isKnown}))`;
/** Fields count only beside a `service`, and `false` switches them off. */
const off = '!variables.active';

/** True where the field is absent, switched off, or holds a placeholder, which CEL cannot fill in. */
function when(field: string, valid: (value: string) => string): string {
  const raw = `variables.a[${quoted(field)}]`;
  const value = `${raw}.trim()`;
  return `${off} || !(${quoted(field)} in variables.a) || ${raw}.contains('{') || ${raw}.contains('}}') || (${valid(value)})`;
}

const told = (field: string, why: string): string =>
  `'${key(field)}: "' + variables.a[${quoted(field)}].trim() + '" ${why}'`;

const portNumber = (value: string): string =>
  `${value}.matches('^[0-9]{1,5}$') && int(${value}) >= 1 && int(${value}) <= 65535`;

function metaRules(): AdmissionRule[] {
  const meta = `variables.keys.filter(k, k.startsWith(${quoted(metaPrefix)}))`;
  const name = `k.substring(${quoted(metaPrefix)}.size())`;
  const reserved = `(${name} in [${Object.values(autoMeta).map(literal).join(', ')}] || ${name}.startsWith('kube-') || ${name}.startsWith('consul-'))`;
  const twins = [
    ['protocol', 'protocol'],
    ['health_url', 'health-url'],
  ] as const;
  return [
    {
      expression: `${off} || ${meta}.all(k, ${name}.matches('^[A-Za-z0-9_-]{1,128}$'))`,
      messageExpression: `${meta}.filter(k, !${name}.matches('^[A-Za-z0-9_-]{1,128}$')).join(', ') + ': a meta key is 1 to 128 letters, digits, "_" and "-"'`,
    },
    {
      expression: `${off} || ${meta}.all(k, !${reserved})`,
      messageExpression: `${meta}.filter(k, ${reserved}).join(', ') + ': this meta key is set by kube-registrar or by Consul; choose another'`,
    },
    {
      // A value with a placeholder may become shorter or longer.
      expression: `${off} || ${meta}.all(k, variables.a[k].contains('{') || bytes(variables.a[k]).size() <= 512)`,
      messageExpression: `${meta}.filter(k, bytes(variables.a[k]).size() > 512).join(', ') + ': is longer than 512 bytes, which is what Consul takes'`,
    },
    {
      expression: `${off} || ${meta}.size() <= ${mostUserKeys}`,
      message: `${key(metaPrefix)}…: more than ${mostUserKeys} meta keys; Consul takes 64, and some are kube-registrar's own`,
    },
    ...twins.map(([metaKey, field]) => ({
      expression: `${off} || !(${quoted(metaPrefix + metaKey)} in variables.a) || !(${quoted(field)} in variables.a)`,
      message: `${key(metaPrefix + metaKey)}: is already set by ${key(field)}`,
    })),
  ];
}
