import type { Authorizer } from './authorizer.ts';
import { deleteService, ensureService } from './catalog-writes.ts';
import { nodeService, serviceIdentity } from './entries.ts';
import { serviceKey } from './store.ts';
import { StoreError } from './store-error.ts';
import type { ServiceOperation } from './txn-body.ts';
import type { TxnContext, TxnResult } from './txn-result.ts';

/** Deletes need the service's name too: it is what the right to write is checked with. */
export function serviceReason(operation: ServiceOperation, authorizer: Authorizer): string | undefined {
  const { Verb, Service } = operation;
  if (Verb === 'get') return undefined;
  if (!['set', 'cas', 'delete', 'delete-cas'].includes(Verb)) return `unknown service operation: ${Verb}`;
  const identity = serviceIdentity(Service.ID, Service.Service, Service.Address);
  if ('refused' in identity) return identity.refused;
  return Service.Service === 'consul' ? undefined : authorizer.refuseWrite('service', Service.Service);
}

export function runService({ store, write }: TxnContext, operation: ServiceOperation): readonly TxnResult[] {
  const { Verb, Node, Service: wanted } = operation;
  const id = wanted.ID === '' && Verb !== 'get' ? wanted.Service : wanted.ID;
  const found = () => store.services.get(serviceKey(Node, id))?.entry;
  const set = () => ensureService(store, write, Node, nodeService({ ...wanted, ID: id }));
  const result = (): TxnResult[] => {
    const entry = found();
    return entry === undefined ? [] : [{ Service: entry }];
  };
  switch (Verb) {
    case 'get':
      if (found() === undefined) throw new StoreError(`service "${id}" on node "${Node}" doesn't exist`);
      return result();
    case 'set':
      set();
      return result();
    case 'cas':
      if ((found()?.ModifyIndex ?? 0) !== wanted.ModifyIndex) {
        throw new StoreError(`failed to set service "${id}" on node "${Node}", index is stale`);
      }
      set();
      return result();
    case 'delete-cas':
      if (found() === undefined || found()?.ModifyIndex !== wanted.ModifyIndex) {
        throw new StoreError(`failed to delete service "${id}" on node "${Node}", index is stale`);
      }
      deleteService(store, write, Node, id);
      return [];
    default:
      deleteService(store, write, Node, id);
      return [];
  }
}
