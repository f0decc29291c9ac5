import * as z from 'zod';
import { plainAnnotations } from '../../desired/annotations.ts';
import { hostListMistake } from '../../desired/host-list.ts';
import { duration, number, optional } from '../fields.ts';

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

export const registration = z.strictObject({
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
