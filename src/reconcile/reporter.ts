import { podOf } from '../desired/identity.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../logging/logger.ts';
import { type EntryRef, entryNoun, entryText } from '../model/entry-ref.ts';
import type { ConsulNodeName, InstanceId, ServiceName } from '../model/keys.ts';
import type { Problem } from '../model/problem.ts';
import type { Change, DeleteInstance, DeleteNode } from '../plan/change.ts';
import type { Drift, Finding, Held, StaleInstance } from '../plan/finding.ts';
import { worst } from '../plan/health.ts';
import { fieldText, findingText, podInstanceText } from '../plan/render.ts';
import { type ChangeLine, ChangeLines } from './change-lines.ts';
import { Ledger } from './ledger.ts';
import { nameOf, problemOfReplicas, replicasOf, staleReplicas } from './replicas.ts';

/**
 * What people read in `kubectl logs`: one line for each transition, a sentence that names its object and the cause, a
 * stable `reason`, and fields. The words for changes are here and nowhere else.
 */
export class Reporter implements Disposable {
  readonly #logger: Logger;
  readonly #changes: ChangeLines;
  readonly #problems: Ledger<Problem>;
  readonly #stale: Ledger<StaleInstance>;

  constructor(logger: Logger, clock: Pick<Clock, 'now' | 'wall' | 'schedule'>) {
    const wall = () => clock.wall();
    this.#logger = logger;
    this.#changes = new ChangeLines(clock, logger);
    this.#problems = new Ledger(wall, problemOfReplicas);
    this.#stale = new Ledger(wall, staleReplicas);
  }

  /** What is wrong on a node now, and what is kept as it was for it: one line for all replicas of a workload. */
  review(node: ConsulNodeName, problems: readonly Problem[], stale: readonly StaleInstance[]): void {
    const { appeared, cleared } = this.#problems.update(node, problems);
    for (const problem of appeared) this.#problem(problem, node);
    for (const problem of cleared) this.#resolved(problem);
    for (const kept of this.#stale.update(node, stale).appeared) {
      const about = aboutInstance(kept);
      this.#logger.warn(findingText(kept, about.pod), { reason: 'Stale', ...about });
    }
  }

  /** `durationMs`: from the receipt of the Kubernetes event to the commit; undefined when none asked. */
  committed(change: Change, durationMs: number | undefined): void {
    const timing = durationMs === undefined ? {} : { durationMs: Math.round(durationMs) };
    const { message, reason, fields } = describeChange(change);
    // How an instance went is to be found years later.
    if (isRemoval(reason)) this.#logger.info(message, { reason, ...fields, ...timing });
    else this.#changes.write({ message, reason, fields: { ...fields, ...timing } });
  }

  [Symbol.dispose](): void {
    this.#changes[Symbol.dispose]();
  }

  #problem({ object, reason, field, message, severity }: Problem, node: ConsulNodeName): void {
    const where = `${object.kind} ${nameOf(object)}${field === '' ? '' : `, annotation ${field}`}`;
    const said = `${where}: ${message}`;
    const fields = { reason, [object.kind.toLowerCase()]: nameOf(object), node, field, message };
    const replicas = replicasOf(object);
    const all = replicas === nameOf(object) ? fields : { ...fields, replicas };
    if (severity === 'error') this.#logger.error(`registration refused: ${said}`, all);
    else this.#logger.warn(said, all);
  }

  #resolved({ object, reason, field, message }: Problem): void {
    this.#logger.info(`problem resolved: ${object.kind} ${nameOf(object)}: ${message}`, {
      reason: 'Cleared',
      was: reason,
      [object.kind.toLowerCase()]: nameOf(object),
      field,
      message,
    });
  }

  finding(finding: Exclude<Finding, StaleInstance>): void {
    switch (finding.kind) {
      case 'drift':
        this.#drift(finding);
        return;
      case 'foreign-owner':
        this.#logger.error(findingText(finding), {
          reason: 'Conflict',
          node: finding.node,
          owner: finding.reason,
        });
        return;
      case 'foreign-instance':
        this.#logger.warn(`${findingText(finding)}; it is on node ${finding.node} of this cluster`, {
          reason: 'ForeignInstance',
          ...placeOf(finding),
        });
        return;
      case 'foreign-check':
        this.#logger.warn(`${findingText(finding)}; it is on node ${finding.node} of this cluster`, {
          reason: 'ForeignCheck',
          node: finding.node,
          instance: finding.instance,
          check: finding.check,
        });
        return;
      case 'moving':
        this.#logger.info(findingText(finding), { reason: 'Moving', node: finding.node });
        return;
      case 'held':
        this.#held(finding);
        return;
      case 'shared-name':
        this.#logger.warn(findingText(finding), {
          reason: 'SharedServiceName',
          service: finding.service,
          namespaces: finding.namespaces,
          takenFrom: finding.takenFrom,
          hint: 'if this is not intended, give the name to one namespace with claims',
        });
        return;
      case 'handed-over':
        // The Service says what it waits for, if it has to.
        return;
      case 'unread':
        // The log of its source says it once for all.
        return;
    }
  }

  #drift({ what, at, fields }: Drift): void {
    const values = fields.length === 0 ? '' : ` (${fields.map(fieldText).join('; ')})`;
    const message = {
      missing: `${entryName(at)} was removed externally; repairing`,
      changed: `${entryName(at)} was changed externally${values}; repairing`,
      unexpected: `${entryText(at)} was added externally on node ${at.node} of this cluster`,
    }[what];
    const { kind: _, ...place } = at;
    const about = what === 'unexpected' || at.instance === undefined ? place : aboutInstance(at);
    this.#logger.warn(message, {
      reason: 'Drift',
      what,
      entry: entryNoun(at),
      ...about,
      check: at.check,
      fields,
    });
  }

  #held(held: Held): void {
    const { by, what, at, because, change } = held;
    // What Consul refuses and what others keep changing is logged as a problem of its object.
    if (by === 'consul' || by === 'conflict') return;
    if (by === 'policy' && change !== undefined) {
      const { message, reason, fields } = describeChange(change);
      const of = { policy: because, would: reason, ...fields };
      this.#logger.info(`not written under policy ${because}: ${message}`, { reason: 'Held', ...of });
      return;
    }
    const about = at.instance === undefined ? { node: at.node, pod: undefined } : aboutInstance(at);
    const reason = what === 'removal' ? 'RemovalHeld' : 'HealthHeld';
    this.#logger.info(findingText(held, about.pod), { reason, because, ...about });
  }
}

/** What a change did, in a sentence. */
export const changeText = (change: Change): string => describeChange(change).message;

type RemovalReason = 'Deregistered' | 'NodeDeregistered';

interface Description {
  readonly message: string;
  readonly reason: ChangeLine['reason'] | RemovalReason;
  readonly fields: Readonly<Record<string, unknown>>;
}

const isRemoval = (reason: Description['reason']): reason is RemovalReason =>
  reason === 'Deregistered' || reason === 'NodeDeregistered';

function describeChange(change: Change): Description {
  const { node } = change;
  switch (change.kind) {
    case 'put-node': {
      const isNew = change.effect === 'create';
      return {
        message: `node ${node} ${isNew ? 'registered' : 'updated'}`,
        reason: isNew ? 'NodeRegistered' : 'NodeUpdated',
        fields: { node, address: change.address },
      };
    }
    case 'put-node-check': {
      const { status, output } = change.check;
      return {
        message: `node ${node} is ${statusText(status, output)}`,
        reason: 'NodeHealth',
        fields: { node, status, output },
      };
    }
    case 'put-instance': {
      const { id, service, checks, address: host, port } = change.instance;
      const isNew = change.effect === 'create';
      const status = worst(checks);
      const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
      return {
        message: `${instanceName(id, service)} ${isNew ? 'registered' : 'updated'} at ${address}, ${status}`,
        reason: isNew ? 'Registered' : 'Updated',
        fields: { ...aboutInstance({ node, instance: id, service }), address, status },
      };
    }
    case 'put-check': {
      const { status, output } = change.check;
      return {
        message: `${instanceName(change.instance, change.service)} is ${statusText(status, output)}`,
        reason: 'Health',
        fields: { ...aboutInstance(change), status, output },
      };
    }
    case 'delete-check': {
      const { instance, service, check } = change;
      const of =
        instance === undefined || service === undefined
          ? { name: `node ${node}`, fields: { node } }
          : { name: instanceName(instance, service), fields: aboutInstance({ node, instance, service }) };
      return {
        message: `check ${check} of ${of.name} removed`,
        reason: 'CheckRemoved',
        fields: { ...of.fields, check },
      };
    }
    case 'delete-instance':
      return {
        message: `${instanceName(change.instance, change.service)} deregistered${explained(change)}`,
        reason: 'Deregistered',
        fields: { ...aboutInstance(change), because: change.because },
      };
    case 'delete-node':
      return {
        message: `node ${node} deregistered${explained(change)}`,
        reason: 'NodeDeregistered',
        fields: { node, because: change.because },
      };
  }
}

/** `critical: ContainersNotReady`; why something passes is no news. */
const statusText = (status: string, output: string): string =>
  status === 'passing' || output === '' ? status : `${status}: ${output}`;

const explained = ({ because }: DeleteInstance | DeleteNode): string =>
  because === undefined ? '' : ` (${because})`;

interface Place {
  readonly node: string;
  readonly instance: InstanceId;
  readonly service: ServiceName;
}

const placeOf = ({ node, instance, service }: Place) => ({ service, instance, node });

const aboutInstance = (place: Place) => ({ pod: podOf(place.instance), ...placeOf(place) });

/** An instance of this cluster, by its pod where it has one. */
function instanceName(id: InstanceId, service: ServiceName): string {
  const pod = podOf(id);
  return pod === undefined ? `instance ${id} (${service})` : podInstanceText(pod, service);
}

function entryName(at: EntryRef): string {
  if (at.instance === undefined) return entryText(at);
  const name = instanceName(at.instance, at.service);
  return at.check === undefined ? name : `check ${at.check} of ${name}`;
}
