import { type KubeObject, textAt } from './object.ts';
import type { Resource } from './resources.ts';
import { type FieldRequirement, parseFieldSelector, parseLabelSelector } from './selector.ts';
import { badRequest } from './status.ts';

/** The part of a collection a LIST or WATCH asks for. */
export interface Selection {
  matches(object: KubeObject): boolean;
  /** No selector narrows the collection: only then does a list know how many items remain. */
  readonly everything: boolean;
}

export interface SelectionQuery {
  /** Empty for all namespaces. */
  readonly namespace: string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
}

/** Throws a 400 for a malformed selector or a field the resource cannot be selected by. */
export function selection(resource: Resource, query: SelectionQuery): Selection {
  const { namespace, labelSelector, fieldSelector } = query;
  const labels = parseLabelSelector(labelSelector);
  const fields = parseFieldSelector(fieldSelector);
  for (const { field } of fields) {
    if (field !== 'metadata.name' && field !== 'metadata.namespace' && !resource.fields.includes(field)) {
      throw badRequest(`field label not supported: ${field}`);
    }
  }
  return {
    everything: labelSelector === '' && fieldSelector === '',
    matches: (object) =>
      (namespace === '' || object.metadata.namespace === namespace) &&
      labels(object.metadata.labels ?? {}) &&
      fields.every((requirement) => holds(requirement, object)),
  };
}

function holds({ field, value, equal }: FieldRequirement, object: KubeObject): boolean {
  return (fieldOf(object, field) === value) === equal;
}

/** Booleans select as `false` where they are absent, as the typed API has them. */
function fieldOf(object: KubeObject, field: string): string {
  const text = textAt(object, field);
  return text === '' && (field === 'spec.unschedulable' || field === 'spec.hostNetwork') ? 'false' : text;
}
