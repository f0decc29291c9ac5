import { type Fault, rateLimited } from '../../../src/sandbox/consul/faults.ts';
import { type Action, at } from '../script.ts';
import type { World } from '../world.ts';

type ConsulFault = World['consulFaults'] extends Set<infer Fault> ? Fault : never;

function during(
  what: string,
  fault: (step: Parameters<Action>[1], random: () => number) => ConsulFault,
): Action {
  return (world, step) => {
    let state = step.x;
    const random = () => {
      state = (state * 9_301 + 0.49297) % 1;
      return state;
    };
    const inForce = fault(step, random);
    world.consulFaults.add(inForce);
    world.outOfOrder(step.forMs, what, () => void world.consulFaults.delete(inForce));
    return `${what} for ${step.forMs} ms`;
  };
}

const down: Action = (world, step) => {
  const answers: readonly [string, Fault][] = [
    ['reset', { kind: 'reset' }],
    ['hang', { kind: 'hang' }],
    ['500', { kind: 'answer', status: 500, body: 'rpc error making call: EOF' }],
    ['503', { kind: 'answer', status: 503, body: 'Service Unavailable' }],
    // A proxy's word is taken for half a minute at most, however long the fault lasts.
    ['429', rateLimited(step.x < 0.5 ? 2 : 3_600)],
  ];
  const [what, fault] = at(answers, step.y)!;
  return during(`Consul ${what}`, () => () => fault)(world, step);
};

/** Answers get lost after the request took effect, before it, or half-way. */
const flaky = during('flaky Consul', (_, random) => () => {
  const draw = random();
  if (draw < 0.15) return { kind: 'reset-after-apply' };
  if (draw < 0.25) return { kind: 'reset' };
  if (draw < 0.35) return { kind: 'truncate' };
  if (draw < 0.45) return { kind: 'answer', status: 500, body: 'stream closed' };
  if (draw < 0.5) return rateLimited(1);
  return undefined;
});

/** An outcome that nobody learns: every write is carried out and its answer lost. */
const deaf = during(
  'answers to writes lost',
  () =>
    ({ method }) =>
      method === 'PUT' ? { kind: 'reset-after-apply' } : undefined,
);

/** Answers come late, by up to as long as the step lasts. */
const slow: Action = (world, { x, forMs }) => {
  const ms = Math.ceil(x * Math.min(forMs, 15_000));
  world.consulDelayMs = ms;
  world.outOfOrder(forMs, 'slow Consul', () => {
    world.consulDelayMs = 0;
  });
  return `by ${ms} ms for ${forMs} ms`;
};

/**
 * Cut off from its leader, a server may answer with what it has: nothing, and it says so. Others, which the
 * load balancer may choose for the next request, write as usual.
 */
const leaderless = during('reads without a known leader', ({ y }) => ({ method, path }) => {
  if (method !== 'GET')
    return y < 0.5 ? { kind: 'answer', status: 500, body: 'No cluster leader' } : undefined;
  const body = path.includes('/node-services/') ? 'null' : '[]';
  const headers = {
    'x-consul-index': '1',
    'x-consul-knownleader': 'false',
    'content-type': 'application/json',
  };
  return { kind: 'answer', status: 200, headers, body };
});

/** What stands before Consul names a limit that no Consul has, or wants to be left alone for an hour. */
const lying = during('a proxy that lies', (_, random) => ({ path }) => {
  const draw = random();
  if (draw < 0.3) return { kind: 'answer', status: 503, headers: { 'retry-after': '3600' } };
  if (path !== '/v1/txn') return undefined;
  const body = `Transaction contains too many operations (128 > ${draw < 0.6 ? 1 : 0})`;
  return { kind: 'answer', status: 413, body };
});

const refusable = ['web', 'api', 'db', 'job', 'both', 'host'] as const;

/** Consul refuses whatever concerns one service, wherever in a transaction it stands. */
const refusingOne = during('one service refused', ({ y }) => {
  const name = at(refusable, y)!;
  return ({ method, path, body }) => {
    if (method !== 'PUT' || path !== '/v1/txn') return undefined;
    const operations = JSON.parse(Buffer.from(body).toString('utf8')) as readonly Readonly<
      Record<string, unknown>
    >[];
    const found = operations.findIndex(({ Service }) =>
      JSON.stringify(Service ?? {}).includes(`"Service":"${name}"`),
    );
    if (found < 0) return undefined;
    const Errors = [{ OpIndex: found, What: `service ${name} is refused` }];
    const headers = { 'content-type': 'application/json' };
    return { kind: 'answer', status: 409, headers, body: JSON.stringify({ Results: null, Errors }) };
  };
});

const refusing: Action = (world, step) => {
  world.hasRefused = true;
  return refusingOne(world, step);
};

/** A load balancer between that breaks whatever gets no answer for a while. */
const cutting: Action = (world, step) => {
  const ms = 2_500 + Math.ceil(step.y * 30_000);
  return during(`cut after ${ms} ms`, () => () => ({ kind: 'cut', ms }))(world, step);
};

/** Others have taken most of the connections that Consul grants the address of the operators. */
const crowded: Action = (world, { y, forMs }) => {
  const { connections } = world.consul;
  const before = connections.most;
  connections.most = 12 + Math.floor(y * 8);
  world.outOfOrder(forMs, 'few connections', () => {
    connections.most = before;
  });
  return `${connections.most} connections for ${forMs} ms`;
};

export const consulFaults = {
  'consul-down': down,
  'consul-flaky': flaky,
  'consul-deaf': deaf,
  'consul-slow': slow,
  'consul-leaderless': leaderless,
  'consul-lying': lying,
  'consul-refusing': refusing,
  'consul-cutting': cutting,
  'consul-crowded': crowded,
} satisfies Record<string, Action>;
