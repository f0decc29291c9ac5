import type { Config } from '../config/schema.ts';
import { consulNodeName } from '../model/keys.ts';
import type { Problem } from '../model/problem.ts';
import type { Snapshot } from '../operator/snapshot.ts';
import type { Held } from '../plan/finding.ts';
import type { AskingObject, InstancePlan } from '../plan/instance-plan.ts';
import { unwritten } from './explanation.ts';
import type { OperatorKnowledge } from './running-operator.ts';

/** Each is a question to Consul; more instances than that hardly have rights of their own. */
const mostAskedAlone = 50;

/** What Consul would refuse to write for the object: as problems, and as what is not written. Asks, and writes nothing. */
export async function refusedWrites(
  object: AskingObject,
  snapshot: Snapshot,
  config: Config,
  signal: AbortSignal,
): Promise<OperatorKnowledge> {
  const { registry } = snapshot;
  const rows = unwritten(object, snapshot, config);
  const ask = async (some: readonly InstancePlan[]): Promise<readonly string[]> => {
    const [node, ...others] = new Set(some.map((row) => row.node));
    if (node === undefined) return [];
    const services = new Set(some.flatMap((row) => instanceOf(row)?.service ?? []));
    const wanted = { nodes: [node, ...others] as const, services: [...services] };
    return (await registry.refusedWrites?.(wanted, signal)) ?? [];
  };
  const all = await ask(rows);
  if (all.length === 0) return { held: [], problems: [] };
  const held: Held[] = [];
  const answers = new Map<string, readonly string[]>();
  for (const row of rows) {
    const instance = instanceOf(row);
    if (instance === undefined) continue;
    const key = `${row.node}\0${instance.service}`;
    let refused = answers.get(key);
    if (refused === undefined) {
      if (answers.size >= mostAskedAlone) break;
      refused = await ask([row]);
      answers.set(key, refused);
    }
    if (refused.length > 0) held.push(heldInstance(row, instance, refused.join('; ')));
  }
  return { held, problems: all.map((what) => problemOf(object, what)) };
}

const instanceOf = ({ wanted, registered }: InstancePlan) => wanted ?? registered;

function heldInstance(
  { node }: InstancePlan,
  { id, service }: NonNullable<ReturnType<typeof instanceOf>>,
  error: string,
): Held {
  const at = { kind: 'instance', node: consulNodeName(node), instance: id, service } as const;
  return { kind: 'held', by: 'consul', what: 'write', at, because: 'denied', error, until: undefined };
}

function problemOf(object: AskingObject, what: string): Problem {
  return {
    object: { ...object, uid: '' },
    reason: 'RegistrationFailed',
    field: '',
    message: `Consul refuses it: ${what}; give the token the policy in consul-access.md`,
    severity: 'error',
  };
}
