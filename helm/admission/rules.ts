import { longestText, metaSetters, plainAnnotations } from '../../src/desired/annotations.ts';
import { defaultReservedNames } from '../../src/desired/claims.ts';
import { fields, metaPrefix, servicesField } from '../../src/desired/fields.ts';
import { autoMeta, mostUserKeys } from '../../src/desired/meta.ts';
import { placeholderForm, placeholders } from '../../src/desired/placeholders.ts';
import { httpTarget } from '../../src/desired/probes.ts';

import type { Form } from '../../src/desired/values.ts';
import { consulK8sRules } from './consul-k8s.ts';
import { kubeConsulRegisterRules, kubeConsulRegistratorRules } from './registrars.ts';

/** One validation of a ValidatingAdmissionPolicy. `@/` stands for the annotations' prefix and its slash. */
export interface AdmissionRule {
  readonly expression: string;
  readonly message?: string;
  readonly messageExpression?: string;
}

export interface AdmissionRules {
  /** What the expressions stand on, beside `variables.a` and `variables.isNamed`. */
  readonly variables: readonly { readonly name: string; readonly expression: string }[];
  /** What is not registered because of it. */
  readonly errors: readonly AdmissionRule[];
  /** What is registered and probably not as it was meant. */
  readonly doubts: readonly AdmissionRule[];
  /** What has no effect, unless the configuration registers objects without a `service`. */
  readonly idle: readonly AdmissionRule[];
  /** Errors in what is to be probed: without hosts in `registration.probeHosts`, and with some. */
  readonly ownProbes: readonly AdmissionRule[];
  readonly namedProbes: readonly AdmissionRule[];
  /** Errors in the annotations of consul-k8s, where they are followed. */
  readonly consulK8s: readonly AdmissionRule[];
  /** Errors in those of other registrars on pods, where they are followed. */
  readonly kubeConsulRegister: readonly AdmissionRule[];
  readonly kubeConsulRegistrator: readonly AdmissionRule[];
  /** The keys of the meta that is asked for, in small letters. */
  readonly metaKeys: string;
  /** `reservedNames`, unless the configuration has its own. */
  readonly reservedNames: readonly string[];
}

/**
 * The annotation grammar of src/desired in CEL, as far as CEL goes: YAML lists (`services`) are not read and
 * placeholders not filled in. Never refuses what the operator takes; test/support/annotation-examples.ts holds
 * both to that. In the expressions `variables.a` are the annotations and `variables.isNamed` says
 * whether `true` stands for the name of what carries them.
 */
export function admissionRules(): AdmissionRules {
  return {
    variables: [
      { name: 'keys', expression: "variables.a.filter(k, k.startsWith('@/'))" },
      {
        name: 'active',
        expression: `${quoted('service')} in variables.a && variables.a[${quoted('service')}].trim().lowerAscii() != 'false'`,
      },
    ],
    errors: [
      ...plainAnnotations
        .filter(({ form }) => form.probes === undefined)
        .map(({ name, form }) => valueRule(name, form, '')),
      ...metaRules(),
      {
        expression: `${off} || ${own}.all(k, variables.a[k].matches(${literal(placeholderForm)}))`,
        messageExpression: `${own}.filter(k, !variables.a[k].matches(${literal(placeholderForm)})).join(', ') + ': holds a placeholder that is not known or not closed; known are ${placeholders.map(({ name }) => `{${name}}`).join(', ')}; write {{ for a brace'`,
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
    metaKeys: `!variables.active ? [] : ${metaAsked}.map(k, ${metaName}.lowerAscii()) + ${metaSetters
      .map(({ name, metaKey }) => `(${quoted(name)} in variables.a ? [${literal(metaKey)}] : [])`)
      .join(' + ')}`,
    consulK8s: consulK8sRules,
    kubeConsulRegister: kubeConsulRegisterRules,
    kubeConsulRegistrator: kubeConsulRegistratorRules,
    reservedNames: defaultReservedNames,
    doubts: [
      {
        expression: `variables.keys.all(k, ${isKnown})`,
        messageExpression: `variables.keys.filter(k, !(${isKnown})).join(', ') + ': unknown and ignored; known are ${[...fields, `${metaPrefix}<key>`, servicesField].join(', ')}'`,
      },
    ],
    idle: [
      {
        expression: `${quoted('service')} in variables.a || ${own}.size() == 0`,
        messageExpression: `${own}.join(', ') + ': no effect without ${key('service')}'`,
      },
    ],
  };
}

const addressForm = '[0-9]{1,3}([.][0-9]{1,3}){3}|[[][0-9A-Fa-f:.]+[]]';
const nameForm = '[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*';
/** An address may turn out to be the instance's own; whether it is, the operator says. */
const probeRules = (host: string): AdmissionRule[] =>
  [...plainAnnotations, { name: `${metaPrefix}health_url`, form: httpTarget }]
    .filter(({ form }) => form.probes)
    .map(({ name, form }) => valueRule(name, form, host));

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

/**
 * Refuses values without the form, unless the field is switched off or holds a placeholder, which CEL cannot
 * fill in.
 */
function valueRule(field: string, { cel, otherwise }: Form<unknown>, host: string): AdmissionRule {
  const raw = `variables.a[${quoted(field)}]`;
  const value = `${raw}.trim()`;
  return {
    expression: `${off} || !(${quoted(field)} in variables.a) || ${raw}.contains('{') || ${raw}.contains('}}') || (${cel(value, host)})`,
    messageExpression: `'${key(field)}: "' + ${value} + '" ${otherwise}'`,
  };
}

const metaAsked = `variables.keys.filter(k, k.startsWith(${quoted(metaPrefix)}))`;
const metaName = `k.substring(${quoted(metaPrefix)}.size())`;

function metaRules(): AdmissionRule[] {
  const reserved = `(${metaName} in [${Object.values(autoMeta).map(literal).join(', ')}] || ${metaName}.startsWith('kube-') || ${metaName}.startsWith('consul-'))`;
  return [
    {
      expression: `${off} || ${metaAsked}.all(k, ${metaName}.matches('^[A-Za-z0-9_-]{1,128}$'))`,
      messageExpression: `${metaAsked}.filter(k, !${metaName}.matches('^[A-Za-z0-9_-]{1,128}$')).join(', ') + ': a meta key is 1 to 128 letters, digits, "_" and "-"'`,
    },
    {
      expression: `${off} || ${metaAsked}.all(k, !${reserved})`,
      messageExpression: `${metaAsked}.filter(k, ${reserved}).join(', ') + ': this meta key is set by kube-registrar or by Consul; choose another'`,
    },
    {
      // A value with a placeholder may become shorter or longer.
      expression: `${off} || ${metaAsked}.all(k, variables.a[k].contains('{') || bytes(variables.a[k]).size() <= 512)`,
      messageExpression: `${metaAsked}.filter(k, bytes(variables.a[k]).size() > 512).join(', ') + ': is longer than 512 bytes, which is what Consul takes'`,
    },
    {
      expression: `${off} || ${metaAsked}.size() <= ${mostUserKeys}`,
      message: `${key(metaPrefix)}…: more than ${mostUserKeys} meta keys; Consul allows 64, and some are kube-registrar's own`,
    },
    ...metaSetters.map(({ name, metaKey }) => ({
      expression: `${off} || !(${quoted(metaPrefix + metaKey)} in variables.a) || !(${quoted(name)} in variables.a)`,
      message: `${key(metaPrefix + metaKey)}: is already set by ${key(name)}`,
    })),
  ];
}
