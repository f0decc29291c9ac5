/** A set of addresses, and since when it has been so, in ms of any clock. */
export interface Moment {
  readonly at: number;
  readonly addresses: ReadonlySet<string>;
}

export interface Absence {
  readonly address: string;
  readonly from: number;
  readonly to: number;
}

/**
 * When addresses were not `found` although they were `ready`, longer than `graceMs` before and after: news takes its time,
 * and two watchers do not learn of it at once. `until` ends both histories, which are in order.
 */
export function absences(
  ready: readonly Moment[],
  found: readonly Moment[],
  { graceMs, until }: { readonly graceMs: number; readonly until: number },
): Absence[] {
  const all = new Set(ready.flatMap(({ addresses }) => [...addresses]));
  return [...all].flatMap((address) =>
    spans(ready, address, until).flatMap(([since, end]) => {
      const [first, last] = [since + graceMs, end === until ? until : end - graceMs];
      return spans(found, address, until, false)
        .map(([from, to]) => ({ address, from: Math.max(from, first), to: Math.min(to, last) }))
        .filter(({ from, to }) => from < to);
    }),
  );
}

/** When the address was in it; with `present: false`, when it was not. */
function spans(
  history: readonly Moment[],
  address: string,
  until: number,
  present = true,
): (readonly [from: number, to: number])[] {
  const found: (readonly [number, number])[] = [];
  let from: number | undefined;
  for (const { at, addresses } of [...history, { at: until, addresses: undefined }]) {
    const isIt = addresses !== undefined && addresses.has(address) === present;
    if (isIt) from ??= at;
    else if (from !== undefined) {
      found.push([from, at]);
      from = undefined;
    }
  }
  return found;
}
