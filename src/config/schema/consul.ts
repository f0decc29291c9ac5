import * as z from 'zod';
import { leastConnections } from '../connection-budget.ts';
import { consulAddress } from '../consul-address.ts';
import { duration, filled, number, optional, secret } from '../fields.ts';

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

export const consul = z.strictObject({
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
