import type { CheckAnswer, NodeAnswer, ServiceAnswer } from '../consul/schemas.ts';
import { formatDuration } from '../lib/duration.ts';
import type { Probe } from '../model/check.ts';
import type { Instance } from '../model/instance.ts';
import { checkId, consulNodeName, instanceId, serviceName } from '../model/keys.ts';
import type { ObservedCheck, StoredEntry } from '../plan/observed.ts';

type StoredNode = Extract<StoredEntry, { kind: 'node' }>['node'];
type StoredInstance = Extract<StoredEntry, { kind: 'instance' }>['instance'];

export function toNode(answer: NodeAnswer): StoredNode {
  return {
    name: consulNodeName(answer.Node),
    address: answer.Address,
    taggedAddresses: answer.TaggedAddresses,
    meta: answer.Meta,
    createIndex: answer.CreateIndex,
    modifyIndex: answer.ModifyIndex,
  };
}

export function toInstance(answer: ServiceAnswer): StoredInstance {
  return {
    id: instanceId(answer.ID),
    service: serviceName(answer.Service),
    address: answer.Address,
    port: answer.Port || answer.Ports,
    tags: answer.Tags,
    meta: answer.Meta,
    weights: { passing: answer.Weights.Passing, warning: answer.Weights.Warning },
    taggedAddresses: Object.fromEntries(
      Object.entries(answer.TaggedAddresses).map(([key, tagged]) => [
        key,
        { address: tagged.Address, port: tagged.Port },
      ]),
    ),
    modifyIndex: answer.ModifyIndex,
  };
}

/** An instance's fields as transactions and agents take them; they differ in the field for the service's name. */
export function serviceFields(instance: Instance): object {
  const { id, address, port, tags, meta, weights, taggedAddresses } = instance;
  return {
    ID: id,
    Address: address,
    Port: port,
    Tags: tags,
    Meta: meta,
    Weights: { Passing: weights.passing, Warning: weights.warning },
    TaggedAddresses: Object.fromEntries(
      Object.entries(taggedAddresses).map(([key, tagged]) => [
        key,
        { Address: tagged.address, Port: tagged.port },
      ]),
    ),
    EnableTagOverride: false,
  };
}

export function toCheck(answer: CheckAnswer): ObservedCheck {
  return {
    id: checkId(answer.CheckID),
    name: answer.Name,
    type: answer.Type,
    status: answer.Status,
    output: answer.Output,
    notes: answer.Notes,
    serviceName: answer.ServiceName,
    serviceTags: answer.ServiceTags,
    modifyIndex: answer.ModifyIndex,
  };
}

/** What a probe does, for an agent and for external monitors alike: durations as in Go. */
export function probeFields({ kind, target, intervalMs, timeoutMs, deregisterAfterMs }: Probe): object {
  return {
    [kind.toUpperCase()]: target,
    Interval: formatDuration(intervalMs),
    Timeout: formatDuration(timeoutMs),
    DeregisterCriticalServiceAfter: formatDuration(deregisterAfterMs),
  };
}
