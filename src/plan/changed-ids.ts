interface Entry<Id> {
  readonly id: Id;
}

/**
 * The ids whose entry is another object in one map than in the other, or which only one of them has. Meant for two
 * versions of one map, in which most entries are the same and in the same order: these are passed without a look at
 * what they hold.
 */
export function changedIds<Id, E extends Entry<Id>>(
  before: ReadonlyMap<Id, E>,
  after: ReadonlyMap<Id, E>,
): Set<Id> {
  const changed = new Set<Id>();
  if (before === after) return changed;
  const others = after.values();
  let other = others.next().value;
  for (const entry of before.values()) {
    const isNext = entry === other || entry.id === other?.id;
    if (entry !== other) changed.add(entry.id);
    if (isNext) other = others.next().value;
  }
  for (; other !== undefined; other = others.next().value) changed.add(other.id);
  // Those that are only at another place.
  for (const id of changed) if (before.get(id) === after.get(id)) changed.delete(id);
  return changed;
}
