import { type DraftObject, defined, type KubeObject } from './object.ts';

/**
 * Events are one store with two faces (core/v1 and events.k8s.io/v1) under different field names; the store
 * holds core's. Pairs: core's name, events.k8s.io's name.
 */
const names: readonly (readonly [core: string, eventsV1: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
];

export function coreToEventsV1(event: KubeObject): KubeObject {
  const renamed: Record<string, unknown> = { ...event, apiVersion: 'events.k8s.io/v1' };
  for (const [from, to] of names) {
    renamed[to] = event[from];
    delete renamed[from];
  }
  return defined(renamed) as KubeObject;
}

export function eventsV1ToCore(event: DraftObject): DraftObject {
  const renamed: Record<string, unknown> = { ...event, apiVersion: 'v1' };
  for (const [to, from] of names) {
    renamed[to] = event[from];
    delete renamed[from];
  }
  return defined(renamed);
}
