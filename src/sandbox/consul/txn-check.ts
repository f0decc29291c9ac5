import type { Authorizer } from './authorizer.ts';
import { deleteCheck, ensureCheck } from './catalog-writes.ts';
import { definitionOf } from './entries.ts';
import { checkKey } from './store.ts';
import { StoreError } from './store-error.ts';
import type { CheckOperation } from './txn-body.ts';
import type { TxnContext, TxnResult } from './txn-result.ts';

/** The right to write a service's check is asked for the ServiceName given, not for the service found. */
export function checkReason({ Verb, Check }: CheckOperation, authorizer: Authorizer): string | undefined {
  if (Verb === 'get') return undefined;
  if (!['set', 'cas', 'delete', 'delete-cas'].includes(Verb)) return `unknown check operation: ${Verb}`;
  return Check.ServiceID === ''
    ? authorizer.refuseWrite('node', Check.Node)
    : authorizer.refuseWrite('service', Check.ServiceName);
}

export function runCheck({ store, write }: TxnContext, operation: CheckOperation): readonly TxnResult[] {
  const { Verb, Check: wanted } = operation;
  const id = wanted.CheckID === '' && Verb !== 'get' ? wanted.Name : wanted.CheckID;
  const found = () => store.checks.get(checkKey(wanted.Node, id));
  const result = (): TxnResult[] => {
    const row = found();
    return row === undefined ? [] : [{ Check: row }];
  };
  const stale = (what: string) =>
    new StoreError(`failed to ${what} check "${id}" on node "${wanted.Node}", index is stale`);
  switch (Verb) {
    case 'get':
      if (found() === undefined) throw new StoreError(`check "${id}" on node "${wanted.Node}" doesn't exist`);
      return result();
    case 'set':
      set({ store, write }, operation, id);
      return result();
    case 'cas':
      if ((found()?.ModifyIndex ?? 0) !== wanted.ModifyIndex) throw stale('set');
      set({ store, write }, operation, id);
      return result();
    case 'delete-cas':
      if (found() === undefined || found()?.ModifyIndex !== wanted.ModifyIndex) throw stale('delete');
      deleteCheck(store, write, wanted.Node, id);
      return [];
    default:
      deleteCheck(store, write, wanted.Node, id);
      return [];
  }
}

function set({ store, write }: TxnContext, { Check: wanted }: CheckOperation, id: string): void {
  const { IntervalDuration, TimeoutDuration, DeregisterCriticalServiceAfterDuration, ...definition } =
    wanted.Definition;
  const after = definition.DeregisterCriticalServiceAfter || DeregisterCriticalServiceAfterDuration;
  ensureCheck(store, write, {
    Node: wanted.Node,
    CheckID: id,
    Name: wanted.Name,
    Status: wanted.Status,
    Notes: wanted.Notes,
    Output: wanted.Output,
    ServiceID: wanted.ServiceID,
    ServiceName: wanted.ServiceName,
    ServiceTags: wanted.ServiceTags,
    Type: wanted.Type,
    Interval: '',
    Timeout: '',
    ExposedPort: wanted.ExposedPort,
    // UDP is the one kind of check a transaction drops.
    Definition: definitionOf({
      ...definition,
      UDP: '',
      Interval: definition.Interval || IntervalDuration,
      Timeout: definition.Timeout || TimeoutDuration,
      DeregisterCriticalServiceAfter: after,
    }),
  });
}
