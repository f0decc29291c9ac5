/**
 * Runs `work` for every item, at most `limit` at the same time. The results are in the order of the items.
 * The first error rejects, and no other item is started after it.
 */
export async function inParallel<Item, Result>(
  items: Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = [...items].entries();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failed) return;
      try {
        results[index] = await work(item);
      } catch (thrown) {
        failed = true;
        throw thrown;
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: limit }, worker));
  for (const each of workers) if (each.status === 'rejected') throw each.reason;
  return results;
}
