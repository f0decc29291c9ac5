import * as z from 'zod';
import { baseTagMistake } from '../../desired/base-tags.ts';
import { labelMetaMistake } from '../../desired/label-rules.ts';
import { quote, text } from '../fields.ts';

export const naming = z.strictObject({
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

export const baseTag = text(
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

export const labels = z.strictObject({
  toTags: z.array(labelToTag).max(32, { error: 'has more than 32 entries' }).default([]).meta({
    description:
      'Labels of pods, Services, Ingresses and routes that become tags of their instances. `label` is a key, or a pattern with `*`; `tag` is the form of the tag, by default `{name}={value}`. The first entry that matches a label applies.',
  }),
  toMeta: z.array(labelToMeta).max(32, { error: 'has more than 32 entries' }).default([]).meta({
    description:
      'The same for meta: `key` is the form of the meta key, by default `{name}`. Characters that Consul does not allow become `_`. Meta from annotations wins.',
  }),
});
