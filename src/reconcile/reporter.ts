import type { LogReason } from '../logging/log-reasons.ts';
import type { Logger } from '../logging/logger.ts';
import { entryNoun } from '../model/entry-ref.ts';
import type { Instance } from '../model/instance.ts';
import { originOf } from '../model/origin.ts';
import type { Change, DeleteInstance, DeleteNode } from '../plan/change.ts';
import type { Finding, Held } from '../plan/finding.ts';
import { worst } from '../plan/health.ts';
import { findingText } from '../plan/render.ts';

/**
 * What people read in `kubectl logs`: one line for each transition, a constant message, a stable `reason`
 * and fields. The words for changes and findings are here and nowhere else.
 */
export class Reporter {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `durationMs`: from the receipt of the Kubernetes event to the commit; undefined when none asked. */
  committed(change: Change, durationMs: number | undefined): void {
    const timing = durationMs === undefined ? {} : { durationMs: Math.round(durationMs * 10) / 10 };
    const { message, reason, fields } = describeChange(change);
    this.#logger.info(message, { reason, ...fields, ...timing });
  }

  finding(finding: Finding): void {
    switch (finding.kind) {
      case 'drift': {
        const { what, at, fields } = finding;
        const { kind: _, ...place } = at;
        const message =
          what === 'unexpected'
            ? 'entry added externally to a node of this cluster'
            : 'entry changed externally; repairing';
        this.#logger.warn(message, {
          reason: 'Drift',
          what,
          entry: entryNoun(at),
          ...place,
          ...(fields.length === 0 ? {} : { fields }),
        });
        return;
      }
      case 'foreign-owner':
        this.#logger.error(
          'a node of this name belongs to somebody else in Consul; nothing is written to it',
          {
            reason: 'Conflict',
            node: finding.node,
            owner: finding.reason,
          },
        );
        return;
      case 'foreign-instance':
        this.#logger.warn('service registered externally on a node of this cluster; leaving it alone', {
          reason: 'ForeignInstance',
          node: finding.node,
          instance: finding.instance,
          service: finding.service,
        });
        return;
      case 'foreign-check':
        this.#logger.warn('check registered externally on a node of this cluster; leaving it alone', {
          reason: 'ForeignCheck',
          node: finding.node,
          instance: finding.instance,
          check: finding.check,
        });
        return;
      case 'moving':
        this.#logger.info(
          'a node has an earlier name; it is removed once its instances are under new nodes',
          {
            reason: 'Moving',
            node: finding.node,
          },
        );
        return;
      case 'held':
        this.#held(finding);
        return;
      case 'shared-name':
        this.#logger.warn('a service name is used by several namespaces, or by another one than before', {
          reason: 'SharedServiceName',
          service: finding.service,
          namespaces: finding.namespaces,
          ...(finding.takenFrom.length === 0 ? {} : { takenFrom: finding.takenFrom }),
          hint: 'if it is not meant so, give the name to one namespace with claims',
        });
        return;
      case 'unread':
        // The log of its source says it once for all.
        return;
      case 'stale':
        this.#logger.warn('an instance stays as it was registered until its annotations are right again', {
          reason: 'Stale',
          node: finding.node,
          instance: finding.instance,
          service: finding.service,
        });
        return;
    }
  }

  #held(held: Held): void {
    const { by, what, at, because, change } = held;
    // What Consul refuses and what others keep changing is logged as a problem of its object.
    if (by === 'consul' || by === 'conflict') return;
    if (by === 'policy' && change !== undefined) {
      const { message, reason, fields } = describeChange(change);
      const of = { policy: because, would: reason, what: message, ...fields };
      this.#logger.info('held by the policy', { reason: 'Held', ...of });
      return;
    }
    const { node, instance, service } = at;
    const message = what === 'removal' ? 'a removal is held' : 'a loss of health is held';
    const reason = what === 'removal' ? 'RemovalHeld' : 'HealthHeld';
    this.#logger.info(message, { reason, because, service, instance, node, why: findingText(held) });
  }
}

interface Description {
  readonly message: string;
  readonly reason: LogReason<'info'>;
  readonly fields: Readonly<Record<string, unknown>>;
}

function describeChange(change: Change): Description {
  const { node } = change;
  switch (change.kind) {
    case 'put-node': {
      const isNew = change.effect === 'create';
      const message = isNew ? 'node registered' : 'node updated';
      return {
        message,
        reason: isNew ? 'NodeRegistered' : 'NodeUpdated',
        fields: { node, address: change.address },
      };
    }
    case 'put-node-check': {
      const { status, output } = change.check;
      return { message: 'node health written', reason: 'NodeHealth', fields: { node, status, output } };
    }
    case 'put-instance': {
      const { instance } = change;
      const isNew = change.effect === 'create';
      return {
        message: isNew ? 'instance registered' : 'instance updated',
        reason: isNew ? 'Registered' : 'Updated',
        fields: { ...about(instance), node, status: worst(instance.checks) },
      };
    }
    case 'put-check': {
      const { status, output } = change.check;
      const fields = { service: change.service, instance: change.instance, node, status, output };
      return { message: 'instance health written', reason: 'Health', fields };
    }
    case 'delete-check':
      return {
        message: 'check removed',
        reason: 'CheckRemoved',
        fields: { service: change.service, instance: change.instance, node, check: change.check },
      };
    case 'delete-instance':
      return {
        message: 'instance deregistered',
        reason: 'Deregistered',
        fields: { service: change.service, instance: change.instance, node, ...explained(change) },
      };
    case 'delete-node':
      return {
        message: 'node deregistered',
        reason: 'NodeDeregistered',
        fields: { node, ...explained(change) },
      };
  }
}

const explained = ({ because }: DeleteInstance | DeleteNode) => (because === undefined ? {} : { because });

function about({ id, service, address, port, meta }: Instance): Readonly<Record<string, unknown>> {
  const origin = originOf(meta);
  const pod = origin.pod === '' ? {} : { pod: `${origin.namespace}/${origin.pod}` };
  return {
    service,
    instance: id,
    address: `${address.includes(':') ? `[${address}]` : address}:${port}`,
    ...pod,
  };
}
