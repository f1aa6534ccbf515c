import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { defaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, expect, test } from 'vitest';
import { bothNames } from '../../cli/both-names.js';
import { explainFailure } from '../../cli/follow/failure.js';
import { readOutcome } from '../../cli/runs.js';
import { openHome } from '../../lib/home.js';

/*
 * What is now a failure's `fix` was its `mend`, in histories, in outcome.json and in answers to machines.
 */

const root = mkdtempSync(path.join(tmpdir(), 'former-names-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a failure in the history of an earlier version is told with its fix', () => {
  const file = fileURLToPath(new URL('../fixtures/histories/failed-evaluation/seed-0.bliss.round-1.evaluation.json.gz', import.meta.url));
  const history = historyFromJSON(JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')));
  const failure = history.events?.at(-1)?.workflowExecutionFailedEventAttributes?.failure;
  if (failure == null) throw new Error('the history ends otherwise');
  const error = defaultFailureConverter.failureToError(failure, defaultPayloadConverter);
  expect(explainFailure({ run: 'run', error })).toMatchObject({ code: 'DataInvalid', fix: 'mend or delete the line' });
});

test('the outcome of a run that an earlier version saw end is read with its fix', () => {
  const folder = openHome(root).run('old');
  mkdirSync(folder.root, { recursive: true });
  const failure = { code: 'DataInvalid', message: 'the line is no JSON', where: 'items.jsonl', mend: 'delete the line', stage: 'seed-0/prepare' };
  writeFileSync(folder.outcome, JSON.stringify({ state: 'failed', finishedAt: '2026-01-01T00:00:00.000Z', failure }));
  expect(readOutcome(folder)?.failure).toEqual({ code: 'DataInvalid', message: 'the line is no JSON', where: 'items.jsonl', fix: 'delete the line', stage: 'seed-0/prepare' });
});

test('machines are answered by both names, however deep, and nothing else is touched', () => {
  const answer = { error: { code: 'Usage', fix: 'write 1' }, checks: [{ name: 'Node', fix: 'install it' }, { name: 'npm' }], fix: { of: 1 } };
  expect(bothNames(answer)).toEqual({ error: { code: 'Usage', fix: 'write 1', mend: 'write 1' }, checks: [{ name: 'Node', fix: 'install it', mend: 'install it' }, { name: 'npm' }], fix: { of: 1 } });
});
