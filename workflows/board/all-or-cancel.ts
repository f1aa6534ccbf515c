import { CancellationScope } from '@temporalio/workflow';

/** Runs all; where one fails the others are cancelled (their checkpoints are saved) and awaited before the failure goes up. */
export async function allOrCancel<T>(tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const scope = new CancellationScope({ cancellable: true });
  return scope.run(async () => {
    const failures: unknown[] = [];
    const results = await Promise.allSettled(
      tasks.map(async (task) => {
        try {
          return await task();
        } catch (error) {
          failures.push(error);
          scope.cancel();
          throw error;
        }
      }),
    );
    if (failures.length > 0) throw failures[0];
    return results.flatMap((settled) => (settled.status === 'fulfilled' ? [settled.value] : []));
  });
}
