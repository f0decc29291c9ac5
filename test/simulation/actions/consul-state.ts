import { type Action, at } from '../script.ts';

/** A snapshot is restored that was taken `forMs` earlier: indexes go back, entries return and vanish. */
const restore: Action = (world, { forMs }) => {
  const snapshot = world.consul.snapshot();
  world.after(forMs, () => {
    world.consul.restore(snapshot);
    // Agents of that time are no members any more: what they left behind would be reaped a minute later.
    const { outsider } = world.consul;
    for (const { Node } of outsider.nodes()) outsider.removeCheck(Node, 'serfHealth');
    world.trace.add('Consul restored');
  });
  return `to what it is now, in ${forMs} ms`;
};

/** Consul loses everything, its tokens excepted. */
const wipe: Action = (world) => {
  world.consul.wipe();
  world.safety.rebase();
  return 'everything';
};

/** The token is unknown until it is made again: 403 "ACL not found". */
const revoke: Action = (world, { forMs }) => {
  if (!world.traits.acl) return undefined;
  world.hasRefused = true;
  world.revokeToken();
  world.safety.disturb();
  world.outOfOrder(forMs, 'token revoked', () => world.grantToken());
  return `for ${forMs} ms`;
};

const write = { '': { policy: 'write' } } as const;
const narrower = [
  { name: 'no services', rules: { node_prefix: write } },
  { name: 'no nodes', rules: { service_prefix: write } },
  {
    name: 'web is not to be seen',
    rules: { node_prefix: write, service_prefix: { ...write, web: { policy: 'deny' } } },
  },
  {
    name: 'read only',
    rules: { node_prefix: { '': { policy: 'read' } }, service_prefix: { '': { policy: 'read' } } },
  },
  { name: 'nothing', rules: {} },
] as const;

/** The token loses rights: answers are 200 with fewer items, and writes are refused. */
const thin: Action = (world, { x, forMs }) => {
  if (!world.traits.acl) return undefined;
  world.hasRefused = true;
  const { name, rules } = at(narrower, x)!;
  world.consul.acl.setPolicy('operator', rules, '');
  world.safety.disturb();
  world.outOfOrder(forMs, `rights: ${name}`, () => world.grantToken());
  return `${name} for ${forMs} ms`;
};

/** The operator comes without a token: what it may not see is left out without a word. */
const tokenless: Action = (world, { forMs }) => {
  if (!world.traits.acl) return undefined;
  world.hasRefused = true;
  world.token = undefined;
  world.safety.disturb();
  world.outOfOrder(forMs, 'no token', () => world.grantToken());
  return `for ${forMs} ms`;
};

export const consulState = {
  'consul-restore': restore,
  'consul-wipe': wipe,
  'acl-revoke': revoke,
  'acl-thin': thin,
  'acl-tokenless': tokenless,
} satisfies Record<string, Action>;
