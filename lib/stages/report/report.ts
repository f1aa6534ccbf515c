import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { digestJson, digestLines, type Store } from '../../artifacts/index.js';
import type { Artifact } from '../../artifacts/types.js';
import { buildReport, writeTensorboard, type ReportData, type TaskPoint } from '../../report/index.js';
import { throwIfStopped } from '../execution/index.js';
import { environmentFacts } from './environment-facts.js';
import { readFinishedStages, STAGES_FILE } from '../finished-stages.js';
import { evaluationPoints, gather, numericsFacts, taskPoints, type Gather } from './report-data.js';
import type { OpenedStage } from './opened-stage.js';
import type { FinishedStage, Stage } from '../types.js';

/** The run's report with its TensorBoard events, metrics of all stages in canonical order, and the digests of what came out. */
export const report: Stage<'report'> = {
  name: 'report',
  version: 2,
  run: async (input, context) => {
    const { run, config, forked, failed } = input;
    const stages = 'uri' in input.stages ? await readFinishedStages({ store: context.store, ref: input.stages }) : input.stages;
    const opened = await openStages(context.store, stages);
    await context.progress({ step: 1, of: 4 });

    const lines = await metricLines(opened);
    await writeFile(path.join(context.scratch, 'metrics.jsonl'), lines.map((line) => `${line}\n`).join(''));
    await writeFile(path.join(context.scratch, STAGES_FILE), JSON.stringify(stages, null, 1));
    await context.progress({ step: 2, of: 4 });

    const turn = async (what: string): Promise<void> => {
      await context.phase(what);
      throwIfStopped(context); // nothing is saved on the way: it begins again
    };
    const data = await reportData({ run, config, turn, opened, timings: await context.timings(), lines, temporaryFolder: path.join(context.scratch, '..', 'separating'), ...(forked === undefined ? {} : { forked }), ...(failed === undefined ? {} : { failed }) });
    const { metrics, digests, tasks } = data;
    // absent where there are none, so that digests of runs without tasks are what they were
    const digested = tasks === undefined ? { digests, metrics } : { digests, metrics, tasks };
    await writeFile(path.join(context.scratch, 'report.html'), buildReport(data));
    await context.progress({ step: 3, of: 4 });
    await writeTensorboard({ folder: path.join(context.scratch, 'tensorboard'), data });
    await context.progress({ step: 4, of: 4 });
    return { kind: 'report', folder: context.scratch, digest: digestJson(digested), summary: tasks === undefined ? digested : { digests, metrics, tasks: lastRound(tasks) } };
  },
};

/** What travels through Temporal: of hundreds of rounds all tasks' figures would be too much for it. */
function lastRound(tasks: readonly TaskPoint[]): readonly TaskPoint[] {
  const last = tasks.reduce((most, { round }) => Math.max(most, round), 0);
  return tasks.filter(({ round }) => round === last);
}

export interface RenderReport extends Omit<Gather, 'opened'> {
  readonly store: Store;
  readonly stages: readonly FinishedStage[];
}

/** The report of a finished run once more, as this version of the code draws it. */
export async function renderReport({ store, stages, ...rest }: RenderReport): Promise<string> {
  const opened = await openStages(store, stages);
  return buildReport(await reportData({ ...rest, opened, lines: await metricLines(opened) }));
}

async function reportData({ lines, ...of }: Gather & { readonly lines: readonly string[] }): Promise<ReportData> {
  const stages = of.opened.map(({ stage }) => stage);
  const tasks = await taskPoints(of.config, of.opened);
  return {
    ...(await gather(of)),
    metrics: await evaluationPoints(of.config, of.opened),
    ...(tasks.length === 0 ? {} : { tasks }),
    digests: {
      weights: digestOf(stages, (stage) => stage.stage.endsWith('/pretraining')),
      scores: digestOf(stages, (stage) => stage.stage.endsWith('/scoring')),
      selection: digestOf(stages, (stage) => stage.name === 'selection'),
      metrics: await digestLines(lines),
    },
    configYaml: stringify(of.config),
    environment: { ...environmentFacts(of.config), ...(await numericsFacts(of.opened)) },
  };
}

/** @throws BlissError ArtifactMissing, DataCorrupt */
export async function openStages(store: Store, stages: readonly FinishedStage[]): Promise<OpenedStage[]> {
  const opened: OpenedStage[] = [];
  for (const stage of stages) {
    const artifacts: Artifact[] = [];
    for (const { ref } of stage.results) artifacts.push(await store.open(ref));
    opened.push({ stage, artifacts });
  }
  return opened;
}

/** Every stage's metric lines, led by the stage's path, in canonical order: a pure function of the configuration. */
async function metricLines(opened: readonly OpenedStage[]): Promise<string[]> {
  const lines: string[] = [];
  for (const { stage, artifacts } of opened) {
    for (const artifact of artifacts) {
      if (!artifact.manifest.files.some(({ name }) => name === 'metrics.jsonl')) continue;
      const text = await readFile(await artifact.file('metrics.jsonl'), 'utf8');
      for (const line of text.split('\n')) if (line !== '') lines.push(JSON.stringify({ stage: stage.stage, ...(JSON.parse(line) as object) }));
    }
  }
  return lines;
}

/** By stage path, so that equal content under another path is another result; where an artifact lies does not count. */
function digestOf(stages: readonly FinishedStage[], wanted: (stage: FinishedStage) => boolean): string {
  return digestJson(stages.filter(wanted).map(({ stage, results }) => ({ stage, digests: results.map(({ ref }) => ref.digest) })));
}
