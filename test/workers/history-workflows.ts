import { ApplicationFailure, executeChild, proxyActivities } from '@temporalio/workflow';

const { fails } = proxyActivities<{ fails(): Promise<void> }>({ startToCloseTimeout: '1 minute' });

/** Shaped as our pipeline is: a child a stage, whose activity may fail for good. */
export async function pipeline({ run, fail }: { readonly run: string; readonly fail: boolean }): Promise<string> {
  await executeChild(stage, { workflowId: `${run}/seed-0/prepare`, args: [false] });
  try {
    await executeChild(stage, { workflowId: `${run}/seed-0/bliss/round-1/bilevel`, args: [fail] });
  } catch (cause) {
    throw ApplicationFailure.create({ type: 'LossDiverged', message: 'the loss is not a number', nonRetryable: true, details: [{ fix: 'lower the rate' }], ...(cause instanceof Error ? { cause } : {}) });
  }
  return `${run} is done`;
}

export async function stage(fail: boolean): Promise<void> {
  if (fail) await fails();
}
