/** Maps in order with at most `window` in flight. The first failure ends it, of which `onFailure` hears at once; what is in flight is awaited first. */
export async function slidingWindow<T, R>(items: readonly T[], window: number, task: (item: T) => Promise<R>, onFailure: () => void = () => undefined): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const at = next++;
      try {
        results[at] = await task(items[at]);
      } catch (error) {
        if (failures.push(error) === 1) onFailure();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(window, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
