import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Worker, bundleWorkflowCode, DefaultLogger, Runtime } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.js';

/**
 * Histories of runs as earlier versions of the workflows wrote them: a worker of this version must be able to go on with such a run.
 * They are what `runs/RUN/history` holds of a closed run (`workers/history.ts`), gzipped.
 */
const FOLDER = fileURLToPath(new URL('../fixtures/histories/', import.meta.url));

type History = { events: { eventType: string; workflowExecutionStartedEventAttributes?: object; activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[] };

let workflowBundle: Awaited<ReturnType<typeof bundleWorkflowCode>>;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  workflowBundle = await bundleWorkflowCode({ workflowsPath: path.join(packageRoot(), 'workflows', 'index.ts') });
}, 60_000);

const read = (kept: string, file: string): History => JSON.parse(gunzipSync(readFileSync(path.join(FOLDER, kept, file))).toString('utf8')) as History;
/** as it was started: ids of children are made of it */
const workflowIdOf = (file: string): string => {
  const stage = file.replace(/\.json\.gz$/, '');
  return stage === 'pipeline' ? 'run' : `run/${stage.replaceAll('.', '/')}`;
};

describe.each(readdirSync(FOLDER).sort())('histories kept of %s', (kept) => {
  test.each(readdirSync(path.join(FOLDER, kept)).sort())('%s replays', async (file) => {
    await Worker.runReplayHistory({ workflowBundle }, read(kept, file), workflowIdOf(file));
  });
});

test('a history that this version would not have written is told apart', async () => {
  const [kept] = readdirSync(FOLDER).sort();
  const history = read(kept, 'seed-0.bliss.round-1.bilevel.json.gz');
  for (const event of history.events) if (event.activityTaskScheduledEventAttributes?.activityType.name === 'learnScores') event.activityTaskScheduledEventAttributes.activityType.name = 'other';
  await expect(Worker.runReplayHistory({ workflowBundle }, history, workflowIdOf('seed-0.bliss.round-1.bilevel.json.gz'))).rejects.toThrow(DeterminismViolationError);
});
