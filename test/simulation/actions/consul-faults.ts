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
    ['429', rateLimited(2)],
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

export const consulFaults = {
  'consul-down': down,
  'consul-flaky': flaky,
  'consul-deaf': deaf,
} satisfies Record<string, Action>;
