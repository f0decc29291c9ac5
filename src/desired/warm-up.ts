import { ById } from '../lib/by-id.ts';
import type { DesiredNode } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import { autoMeta, sortedRecord } from './meta.ts';

/** How many steps the weight grows in. Each is one write for all instances that began together. */
export const warmUpSteps = 5;

/** The desired state of a node at a moment. */
export interface WarmedUp {
  readonly node: DesiredNode;
  /** Milliseconds until it changes without any event; undefined when nothing is warming up. */
  readonly nextInMs: number | undefined;
}

/** The node at `wall`, wall-clock milliseconds. Instances that warm up have the weight and state for their age. */
export function warmedUp(node: DesiredNode, wall: number): WarmedUp {
  let nextInMs: number | undefined;
  if (node.warms !== true) return { node, nextInMs };
  const aged = new Map<Instance['id'], Instance>();
  for (const instance of node.entry?.instances.values() ?? []) {
    const { id } = instance;
    if (instance.warmup === undefined) continue;
    const { stepIndex, inMs } = stepAt(instance.warmup, wall);
    if (inMs !== undefined) nextInMs = Math.min(nextInMs ?? inMs, inMs);
    aged.set(id, atStep(instance, stepIndex));
  }
  if (node.entry === undefined || aged.size === 0) return { node, nextInMs };
  const instances = ById.of(node.entry.instances).with(aged);
  return { node: { ...node, entry: { ...node.entry, instances } }, nextInMs };
}

interface WarmUpStage {
  /** From 0, young, to `warmUpSteps`, adult. */
  readonly stepIndex: number;
  /** Milliseconds until the next step; undefined when there is none, or none until something else happens. */
  readonly inMs: number | undefined;
}

function stepAt({ durationMs, since }: NonNullable<Instance['warmup']>, wall: number): WarmUpStage {
  if (since === undefined) return { stepIndex: 0, inMs: undefined };
  // The API server's clock may be a little ahead of ours.
  const age = Math.max(0, wall - since);
  if (age >= durationMs) return { stepIndex: warmUpSteps, inMs: undefined };
  const stepIndex = Math.floor((age * warmUpSteps) / durationMs);
  return { stepIndex, inMs: Math.ceil(since + ((stepIndex + 1) * durationMs) / warmUpSteps - wall) };
}

function atStep({ warmup: _, ...instance }: Instance, stepIndex: number): Instance {
  const isAdult = stepIndex === warmUpSteps;
  const { passing, warning } = instance.weights;
  const grown = Math.max(1, Math.round((passing * stepIndex) / warmUpSteps));
  const state = isAdult ? 'adult' : 'young';
  return {
    ...instance,
    weights: isAdult ? instance.weights : { passing: grown, warning: Math.min(warning, grown) },
    meta: sortedRecord([...Object.entries(instance.meta), [autoMeta.serviceState, state]]),
  };
}
