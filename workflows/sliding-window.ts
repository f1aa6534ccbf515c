/** Maps in order with at most `window` in flight. The first failure ends it; what is in flight is awaited first. */
export async function slidingWindow<T, R>(items: readonly T[], window: number, task: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const at = next++;
      try {
        results[at] = await task(items[at]);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(window, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
