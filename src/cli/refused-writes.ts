import type { Config } from '../config/schema.ts';
import type { Problem } from '../model/problem.ts';
import type { Snapshot } from '../operator/snapshot.ts';
import type { AskingObject, InstancePlan } from '../plan/instance-plan.ts';
import { instanceKey, type Knowledge, unwritten } from './explanation.ts';

/** Each is a question to Consul; more instances than that hardly have rights of their own. */
const mostAskedAlone = 50;

/** What Consul would refuse to write for the object. Asks, and writes nothing. */
export async function refusedWrites(
  object: AskingObject,
  snapshot: Snapshot,
  config: Config,
  signal: AbortSignal,
): Promise<Knowledge> {
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
  const refused = new Map<string, string>();
  const answers = new Map<string, readonly string[]>();
  for (const row of rows) {
    const instance = instanceOf(row);
    if (instance === undefined) continue;
    const key = `${row.node}\0${instance.service}`;
    let answer = answers.get(key);
    if (answer === undefined) {
      if (answers.size >= mostAskedAlone) break;
      answer = await ask([row]);
      answers.set(key, answer);
    }
    if (answer.length > 0) refused.set(instanceKey(row), answer.join('; '));
  }
  return { held: [], problems: all.map((what) => problemOf(object, what)), refused };
}

const instanceOf = ({ wanted, registered }: InstancePlan) => wanted ?? registered;

function problemOf(object: AskingObject, what: string): Problem {
  return {
    object: { ...object, uid: '' },
    reason: 'RegistrationFailed',
    field: '',
    message: `Consul refuses it: ${what}; give the token the policy in consul-access.md`,
    severity: 'error',
  };
}
