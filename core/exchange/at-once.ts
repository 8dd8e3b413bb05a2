/**
 * Works on items, so many at a time; they are begun in their order. After the first failure none is begun any more, and `stop` ends those that are under
 * way.
 *
 * @throws The first failure, once all that were begun have ended.
 */
export async function atOnce<Item>(
  items: Iterable<Item>,
  jobs: number,
  work: (item: Item) => Promise<void>,
  stop: (failure: unknown) => void,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    try {
      for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
        if (failures.length === 0) await work(next.value);
      }
    } catch (error) {
      if (failures.push(error) === 1) stop(error);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  if (failures.length > 0) throw failures[0];
}
