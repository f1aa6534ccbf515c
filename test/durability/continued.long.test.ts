import { chmodSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readJson } from '../../cli/runs.js';
import { openHome, type Home, type StageProgressFile } from '../../lib/home.js';
import type { FinishedStage } from '../../lib/stages/types.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import type { PipelineInput } from '../../workflows/types.js';
import { bliss, place, start, until } from '../cli/bliss.js';

/**
 * Runs of `smoke` on a server that finds a history full after some dozens of events, so that a run of three rounds goes on in several executions;
 * and a fork of it.
 */
const CONFIG = ['--set', 'rounds=3', '--set', 'bilevel.outerSteps=200'];
const RUN_MS = 400_000;
const SUGGESTED_AFTER = 60;

/** The Temporal CLI with the setting that its own command line does not hand through. */
function easilyFull(folder: string): string {
  const file = path.join(folder, 'temporal');
  writeFileSync(file, `#!/bin/sh\nif [ "$1" = server ]; then exec '${requireTemporalBinary().file}' "$@" --dynamic-config-value limit.historyCount.suggestContinueAsNew=${SUGGESTED_AFTER}; fi\nexec '${requireTemporalBinary().file}' "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

const progressOf = (home: Home, run: string, stage: string): StageProgressFile | undefined => readJson<StageProgressFile>(home.run(run).progress(stage));
const stagesOf = (home: Home, run: string): readonly FinishedStage[] => readJson<readonly FinishedStage[]>(path.join(home.run(run).root, 'stages.json')) ?? [];
const digestsOf = (stdout: string): object => (JSON.parse(stdout) as { readonly digests: object }).digests;

function startedWith(file: string): PipelineInput {
  const { events } = JSON.parse(readFileSync(file, 'utf8')) as { readonly events: readonly { readonly workflowExecutionStartedEventAttributes: { readonly input: { readonly payloads: readonly { readonly data: string }[] } } }[] };
  return JSON.parse(Buffer.from(events[0].workflowExecutionStartedEventAttributes.input.payloads[0].data, 'base64').toString('utf8')) as PipelineInput;
}

test('a run that goes on in several executions, paused, stopped and collected for garbage between, ends with the digests of one that does not; a fork of it takes what comes before', { timeout: 4 * RUN_MS }, async () => {
  const undisturbed = start(['run', 'smoke', '--name', 'run', ...CONFIG, '--json', '--home', place().home]);
  const { folder, home: root } = place();
  const home = openHome(root);
  const env = { TEMPORAL_CLI_PATH: easilyFull(folder) };
  const inHome = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await bliss([...args, '--json', '--home', root], { env });
    return { code, answer: JSON.parse(stdout.split('\n')[0]) as Record<string, unknown>, text: stderr };
  };

  // in an execution after the first: what steers a run goes with it
  const first = start(['run', 'smoke', '--name', 'run', ...CONFIG, '--json', '--home', root], { env });
  await until('the second round', () => (progressOf(home, 'run', 'seed-0/bliss/round-2/bilevel')?.state === 'running' ? true : undefined), RUN_MS);
  expect((await inHome('budget', 'run', '--gpu-hours', '5')).code).toBe(0);
  expect(await inHome('pause', 'run')).toMatchObject({ code: 0, answer: { state: 'paused' } });
  first.child.kill('SIGINT');
  expect((await first.ended).code).toBe(130);
  // what only its history refers to is in use
  expect(await inHome('gc')).toMatchObject({ code: 0, answer: { artifacts: { count: 0 } } });

  const second = start(['resume', 'run', '--json', '--home', root], { env });
  await until('the third round', () => (progressOf(home, 'run', 'seed-0/bliss/round-3/bilevel')?.state === 'running' ? true : undefined), RUN_MS);
  const forkedTooEarly = await inHome('fork', 'run', '--from', 'round-3/pretraining');
  expect(forkedTooEarly.code).toBe(2);
  expect(forkedTooEarly.text).toMatch(/seed-0\/bliss\/round-3\/(bilevel|scoring|selection) of the run run is not finished, and round-3\/pretraining comes after it/);
  const ended = await second.ended;
  expect(ended.code, ended.stderr).toBe(0);
  const executions = readdirSync(home.run('run').history).filter((file) => file.startsWith('pipeline.'));
  expect(executions.length).toBeGreaterThan(2);
  expect(executions.map((file) => startedWith(path.join(home.run('run').history, file)).continued).filter((steering) => steering?.gpuHours === 5)).not.toHaveLength(0);
  const whole = await undisturbed.ended;
  expect(whole.code, whole.stderr).toBe(0);
  expect(digestsOf(ended.stdout)).toEqual(digestsOf(whole.stdout));

  // a fork whose second round keeps fewer rows
  const fork = ['fork', 'run', '--from', 'round-2/selection', '--set', 'selection.fraction=0.1', '--set', 'rounds=2'];
  const plan = (await inHome(...fork, '--dry-run')).answer as { stages: { stage: string; state: string }[] };
  const isBefore = (stage: string): boolean => !stage.includes('/round-') || stage.includes('/round-1/') || /round-2\/(bilevel|scoring)$/.test(stage);
  for (const { stage, state } of plan.stages) expect(state, stage).toBe(isBefore(stage) ? 'found finished' : 'to run');
  const forked = await inHome(...fork, '--name', 'fork');
  expect(forked.code, forked.text).toBe(0);
  const before = new Map(stagesOf(home, 'run').map((stage) => [stage.stage, stage]));
  const own = stagesOf(home, 'fork');
  expect(own).toHaveLength(plan.stages.length);
  for (const { stage, results } of own) {
    const same = JSON.stringify(results.map(({ ref }) => ref)) === JSON.stringify(before.get(stage)?.results.map(({ ref }) => ref));
    expect(same, stage).toBe(isBefore(stage));
  }
  // what it does itself is what any run of these settings makes of the same rows: the stage functions do not know that they were forked
  expect(progressOf(home, 'fork', 'seed-0/bliss/round-2/scoring')).toMatchObject({ state: 'cached', note: 'of the run run' });
  expect(progressOf(home, 'fork', 'seed-0/bliss/round-2/selection')).toMatchObject({ state: 'done' });
  expect(readFileSync(home.run('fork').report, 'utf8')).toContain('forked from the run run at round-2/selection');

  // bad forks say why before anything is made
  const refused = async (...args: readonly string[]) => {
    const { code, text } = await inHome('fork', 'run', ...args, '--name', 'none');
    expect(code).toBe(2);
    return text;
  };
  expect(await refused('--from', 'round-9/selection')).toMatch(/there is no round-9\/selection in a run of 3 rounds/);
  expect(await refused('--from', 'selection')).toMatch(/'selection' is no stage to fork from[^]*round-N\/bilevel/);
  expect(await refused('--from', 'round-2/selection', '--set', 'models.target.layers=2')).toMatch(/models\.target\.layers: \d+ → 2 does not fit what run has before round-2\/selection\s+fix: fork from warm-up\/proxy/);
  expect(await refused('--from', 'round-2/selection', '--set', 'rounds=4')).toMatch(/rounds: 3 → 4 does not fit/);
  expect(readdirSync(home.runs).sort()).toEqual(['fork', 'run']);
});
