import * as z from 'zod';
import { namespaceOrAll, text } from '../fields.ts';

const namespacesOf = (description: string) =>
  z
    .array(namespaceOrAll)
    .prefault([])
    .refine((list) => list.length > 0, { error: 'is empty; name at least one namespace, or "*"' })
    .meta({ description });

export const claim = z.strictObject({
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

export const reservedName = text(
  /^[A-Za-z0-9*-]{1,63}$/,
  'a service name; write "web" or "web-*", with letters, digits and hyphens',
);
// Without quotes and backslashes: the chart writes them into expressions of the API server.
export const tagPattern = text(
  /^[^\s\\'"]{1,128}$/,
  'a pattern for tags; write "urlprefix-*", without spaces, quotes and backslashes, at most 128 characters',
);
export const metaPattern = text(
  /^[A-Za-z0-9_*-]{1,128}$/,
  'a pattern for meta keys; write "route_*", with letters, digits, "_" and "-"',
);

export const patternRule = (pattern: typeof tagPattern, what: string) => {
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
