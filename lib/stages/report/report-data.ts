import { readFile } from 'node:fs/promises';
import { isMadeCorpus, WANTED } from '../../../config/made-corpora.js';
import type { RunConfig } from '../../../config/schema.js';
import type { Artifact } from '../../artifacts/types.js';
import { pairedItemsStandardError, pairedStandardError, PASSAGES_FILE, TASK_ITEMS_FILE, type PassagesFile, type TaskItemsFile } from '../../evaluation/index.js';
import { missingEvaluations, type EvaluationPoint, type ReportData, type SampleGroup, type SelectionFacts, type StageTiming, type TaskPoint, type TrainingCurve } from '../../report/index.js';
import { parseTimings } from '../../timings.js';
import { armComparison, targetWarmUpSteps } from './arm-comparison.js';
import { textBytes } from './text-bytes.js';
import { learntFigures } from './learnt-figures.js';
import { type NumericsRecord, readJson, readNumerics, type SkippedBatch, skippedNote } from '../contents/index.js';
import type { OpenedStage } from './opened-stage.js';
import { separations } from './separation.js';
import type { TaskSummary } from '../evaluation/index.js';
import type { SelectionFactsFile } from '../selection/index.js';
import type { FailedStage, Forked } from '../types.js';

/** points of one curve: more than a figure can show only makes the file large */
const CURVE_POINTS = 400;

export interface Gather {
  readonly run: string;
  readonly config: RunConfig;
  readonly opened: readonly OpenedStage[];
  /** lines of timings.jsonl */
  readonly timings: readonly string[];
  readonly forked?: Forked;
  /** stages that the run has gone on without */
  readonly failed?: readonly FailedStage[];
  /** what else a reader must know */
  readonly notes?: readonly string[];
  /** for what does not fit into memory; made and removed here */
  readonly temporaryFolder: string;
  /** before each piece of long work; what it throws ends it */
  readonly turn?: (what: string) => Promise<void>;
}

/** Reads what the report shows out of the stages' artifacts. */
export async function gather({ run, config, opened, timings, forked, failed = [], notes = [], temporaryFolder, turn }: Gather): Promise<Omit<ReportData, 'metrics' | 'configYaml' | 'digests' | 'environment'>> {
  const { type } = config.heldOut.source;
  const targetSources = isMadeCorpus(type) ? [WANTED[type]] : [];
  const selections: SelectionFacts[] = [];
  const samples: SampleGroup[] = [];
  const bilevel: ReportData['bilevel'][number][] = [];
  for (const { stage, artifacts } of opened) {
    const { seed, arm, round } = stage;
    if (seed === null || arm === null || round === null) continue;
    if (stage.name === 'selection') {
      const facts = await readJson<SelectionFactsFile>(artifacts[0], 'facts.json');
      selections.push(selectionFacts({ seed, arm, round, facts, targetSources }));
      samples.push(...sampleGroups({ seed, arm, round, facts }));
    }
    if (stage.name === 'bilevel') {
      const lines = await metricsOf(artifacts[0]);
      const points = lines.map((line) => ({
        step: line['step'],
        upperLoss: line['upperLoss'],
        lowerLoss: line['lowerLoss'],
        hypergradientNorm: line['hypergradientNorm'],
        zNorm: line['zNorm'],
        // a run of before they were measured has none
        zCosine: line['zCosine'] ?? Number.NaN,
        relativeResidual: line['relativeResidual'] ?? Number.NaN,
      }));
      // measured now and then: none may be lost to thinning
      const ranks = lines.flatMap(({ step, rankCorrelation }) => (typeof rankCorrelation === 'number' ? [{ step, correlation: rankCorrelation }] : []));
      bilevel.push({ seed, arm, round, ...(ranks.length === 0 ? {} : { ranks: thin(ranks) }), points: thin(points) });
    }
  }
  const timed = stageTimings(opened, timings);
  const learnt = learntFigures(opened);
  const separated = await separations({ opened, targetSources, temporaryFolder, ...(turn === undefined ? {} : { turn }) });
  await turn?.('reading what the report shows');
  const stopsAt = config.bilevel.stopAt?.rankCorrelation;
  return {
    run,
    state: 'done',
    arms: config.comparison.arms,
    textBytes: await textBytes(opened),
    training: await trainingCurves(config, opened),
    bilevel,
    ...(stopsAt === undefined || stopsAt >= 1 ? {} : { stopsAt }), // 1 only measures
    ...(learnt.length === 0 ? {} : { learnt }),
    selections,
    samples,
    ...(separated.length === 0 ? {} : { separations: separated }),
    timings: timed,
    comparison: await armComparison({ config, opened, timings: timed }),
    notes: [...notes, ...(forked === undefined ? [] : [forkNote(forked)]), ...failed.map(failureNote), ...(await notesOf(opened)), ...lostNotes(timed)],
    ...(failed.length === 0 ? {} : { missing: missingEvaluations(failed) }),
    lineage: opened.flatMap(({ stage, artifacts }) =>
      artifacts.map(({ ref, manifest }) => ({
        stage: stage.stage,
        kind: manifest.kind,
        digest: ref.digest,
        sha256: ref.sha256,
        size: ref.size,
        codeVersion: manifest.lineage.codeVersion,
        inputs: Object.fromEntries(Object.entries(manifest.lineage.inputs).map(([name, input]) => [name, input.digest])),
      })),
    ),
  };
}

const forkNote = ({ from, stage }: Forked): string => `forked from the run ${from} at ${stage}: what comes before in the arms that both have is that run's, made under its configuration`;

const failureNote = ({ stage, reason }: FailedStage): string => `${stage} failed, and the run went on without it: ${reason}`;

/** Every attempt leaves a line: times without some are too low, and are not to pass for whole. */
function lostNotes(timed: readonly StageTiming[]): string[] {
  const lost = timed.filter(({ attempts, cached }) => attempts === 0 && !cached);
  return lost.length === 0 ? [] : [`times are too low: timings.jsonl has no line of ${lost.length} of ${timed.length} stages that were computed, ${lost[0].stage} the first`];
}

/** What changed under way, and what a corpus lacks, by stage. */
async function notesOf(opened: readonly OpenedStage[]): Promise<string[]> {
  const notes: string[] = [];
  for (const { stage, artifacts } of opened) {
    for (const artifact of artifacts) {
      const step = (await readNumerics(artifact))?.notBitComparableFromStep ?? null;
      if (step !== null) notes.push(`${stage.stage} is not bit-comparable from step ${step} on: it went on under another numerics fingerprint`);
      const skipped = artifact.manifest.summary['skipped'] as readonly SkippedBatch[] | undefined; // written by StepWatch
      if (skipped !== undefined) notes.push(`${stage.stage}: ${skippedNote(skipped)}`);
      const { note } = artifact.manifest.summary;
      if (artifact.manifest.kind === 'corpus' && typeof note === 'string') notes.push(`${stage.stage}: ${note}`);
    }
  }
  return notes;
}

/** Under which numerics fingerprints the trained states were computed, program by program apart. */
export async function numericsFacts(opened: readonly OpenedStage[]): Promise<Record<string, string>> {
  const records: NumericsRecord[] = [];
  for (const artifact of opened.flatMap(({ artifacts }) => artifacts)) {
    const record = await readNumerics(artifact);
    if (record !== undefined) records.push(record);
  }
  if (records.length === 0) return {};
  const all = (pick: (record: NumericsRecord) => string): string => [...new Set(records.map(pick))].toSorted().join(' | ') || 'none';
  const changed = records.filter(({ notBitComparableFromStep }) => notBitComparableFromStep !== null).length;
  return {
    'computed on': all(({ parts }) => parts.device),
    'computed with': all(({ parts }) => `TensorFlow ${parts.tensorflow}, ${parts.library}`),
    'numeric flags': all(({ parts }) => parts.flags),
    'numerics fingerprint changed': changed === 0 ? 'in no stage' : `in ${changed} of ${records.length} trained states`,
  };
}

/** One a seed, arm, round and held-out set. */
export async function evaluationPoints(config: RunConfig, opened: readonly OpenedStage[]): Promise<EvaluationPoint[]> {
  const random = config.comparison.arms.find(({ selector }) => selector === 'random')?.name;
  const points: EvaluationPoint[] = [];
  for (const { stage, artifacts } of opened) {
    const { name, seed, arm, round, results } = stage;
    if (name !== 'evaluation' || seed === null || arm === null || round === null) continue;
    const sets = results[0].summary['results'] as Record<string, Omit<EvaluationPoint, 'seed' | 'arm' | 'round' | 'set'>>; // written by our evaluation stage
    const other = arm === random ? undefined : opened.find(({ stage: one }) => one.name === 'evaluation' && one.seed === seed && one.arm === random && one.round === round);
    const [own, randoms] = await Promise.all([artifacts[0], ...(other === undefined ? [] : [other.artifacts[0]])].map((artifact) => readJson<PassagesFile>(artifact, PASSAGES_FILE)));
    for (const set of ['tuning', 'test'] as const) {
      if (!(set in sets)) continue;
      const { loss, lossStandardError, perplexity, lastWordLoss, lastWordAccuracy, lastWordAccuracyStandardError } = sets[set];
      points.push({ seed, arm, round, set, loss, lossStandardError, ...(other === undefined ? {} : { pairedStandardError: pairedStandardError(own[set], randoms[set]) }), perplexity, lastWordLoss, lastWordAccuracy, lastWordAccuracyStandardError });
    }
  }
  return points;
}

/** One a seed, arm, round, zero-shot task and metric. */
export async function taskPoints(config: RunConfig, opened: readonly OpenedStage[]): Promise<TaskPoint[]> {
  const random = config.comparison.arms.find(({ selector }) => selector === 'random')?.name;
  const points: TaskPoint[] = [];
  for (const { stage, artifacts } of opened) {
    const { name, seed, arm, round, results } = stage;
    const tasks = results[0]?.summary['tasks'] as Readonly<Record<string, TaskSummary>> | undefined; // written by our evaluation stage
    if (name !== 'evaluation' || seed === null || arm === null || round === null || tasks === undefined) continue;
    const other = arm === random ? undefined : opened.find(({ stage: one }) => one.name === 'evaluation' && one.seed === seed && one.arm === random && one.round === round);
    const [own, randoms] = await Promise.all([artifacts[0], ...(other === undefined ? [] : [other.artifacts[0]])].map(taskItems));
    for (const [task, { items, metrics }] of Object.entries(tasks)) {
      for (const { name: metric, value, standardError } of metrics) {
        const [a, b] = [own, randoms].map((file) => file?.[task]?.[metric]);
        const paired = metric === 'perplexity' || a === undefined || b === undefined || a.length !== b.length || a.length < 2 ? {} : { pairedStandardError: pairedItemsStandardError(a, b) };
        points.push({ seed, arm, round, task, metric, items, value, standardError, ...paired });
      }
    }
  }
  return points;
}

/** none of an arm that another run evaluated without tasks */
const taskItems = async (artifact: Artifact): Promise<TaskItemsFile | undefined> =>
  artifact.manifest.files.some(({ name }) => name === TASK_ITEMS_FILE) ? readJson<TaskItemsFile>(artifact, TASK_ITEMS_FILE) : undefined;

function selectionFacts({ seed, arm, round, facts, targetSources }: { readonly seed: number; readonly arm: string; readonly round: number; readonly facts: SelectionFactsFile; readonly targetSources: readonly string[] }): SelectionFacts {
  const sum = (pick: (source: SelectionFactsFile['sources'][number]) => number, of = facts.sources): number => of.reduce((total, source) => total + pick(source), 0);
  const wanted = facts.sources.filter(({ source }) => targetSources.includes(source));
  const untrained = sum((source) => source.selectedUntrained);
  return {
    seed,
    arm,
    round,
    rows: facts.rows,
    selectedRows: facts.selectedRows,
    sources: facts.sources.map(({ source, rows, selectedRows }) => ({ source, rows, selectedRows })),
    ...(facts.histogram === undefined ? {} : { histogram: facts.histogram }),
    ...(wanted.length === 0
      ? {}
      : {
          precision: {
            targetSources,
            all: sum((source) => source.selectedRows, wanted) / facts.selectedRows,
            withoutTrainedRows: untrained === 0 ? null : sum((source) => source.selectedUntrained, wanted) / untrained,
            trainedRowsSelected: sum((source) => source.selectedTrained),
          },
        }),
  };
}

function sampleGroups({ seed, arm, round, facts }: { readonly seed: number; readonly arm: string; readonly round: number; readonly facts: SelectionFactsFile }): SampleGroup[] {
  const { samples } = facts;
  return (['top', 'border', 'bottom'] as const).map((place) => ({
    seed,
    arm,
    round,
    place,
    samples: samples[place].map((row) => {
      const { id, source, selected, trained, logit } = samples.ids[row];
      return { id, source, selected, trainedScorer: trained, text: samples.texts[row] ?? '', ...(logit === undefined ? {} : { score: logit }) };
    }),
  }));
}

/** The target's loss over the whole run: the warm-up, then each arm's rounds one after the other. */
async function trainingCurves(config: RunConfig, opened: readonly OpenedStage[]): Promise<TrainingCurve[]> {
  const curves: TrainingCurve[] = [];
  const warmUpSteps = targetWarmUpSteps(config);
  const warmUpTokens = warmUpSteps * config.warmUp.batchSize * config.data.sequenceLength;
  const stepTokens = config.pretraining.batchSize * config.data.sequenceLength;
  const linesOf = async (stage: string): Promise<readonly Record<string, number>[]> => {
    const found = opened.find((one) => one.stage.stage === stage);
    return found === undefined ? [] : metricsOf(found.artifacts[0]);
  };
  const lossOf = (lines: readonly Record<string, number>[], offset: number): TrainingCurve['points'] => lines.map((line) => ({ step: offset + line['step'], loss: line['loss'] }));
  for (const seed of config.seeds) {
    if (warmUpSteps > 0) curves.push({ seed, arm: null, points: thin(lossOf(await linesOf(`seed-${seed}/warm-up/target`), 0)) });
    for (const { name } of config.comparison.arms) {
      const points: { readonly step: number; readonly loss: number }[] = [];
      const heldOut: { readonly tokens: number; readonly loss: number }[] = [];
      for (let round = 1; round <= config.rounds; round++) {
        // one by one: a call takes no 120,000 arguments
        const before = (round - 1) * config.pretraining.steps;
        const lines = await linesOf(`seed-${seed}/${name}/round-${round}/pretraining`);
        for (const point of lossOf(lines, warmUpSteps + before)) points.push(point);
        for (const line of lines) if ('heldOutLoss' in line) heldOut.push({ tokens: warmUpTokens + (before + line['step']) * stepTokens, loss: line['heldOutLoss'] ?? Number.NaN }); // null: it was no number
      }
      curves.push({ seed, arm: name, points: thin(points), ...(heldOut.length === 0 ? {} : { heldOut }) });
    }
  }
  return curves;
}

async function metricsOf(artifact: Artifact): Promise<Record<string, number>[]> {
  const text = await readFile(await artifact.file('metrics.jsonl'), 'utf8');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, number>])); // numbers, by our own stages
}

function thin<T>(points: readonly T[]): readonly T[] {
  const every = Math.ceil(points.length / CURVE_POINTS);
  return points.filter((_, i) => i % every === 0 || i === points.length - 1);
}

/** Attempts added up; scoring's shard ranges count for their stage. */
export function stageTimings(opened: readonly OpenedStage[], lines: readonly string[]): StageTiming[] {
  const records = parseTimings(lines.join('\n'));
  return opened.map(({ stage: { stage, results } }) => {
    const own = records.filter((record) => record.stage === stage || record.stage.startsWith(`${stage}/`));
    const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
    const waits = own.flatMap(({ dataWait }) => dataWait ?? []);
    return {
      stage,
      seconds: total(own.map(({ seconds }) => seconds)),
      attempts: own.length,
      cached: results.every(({ cached }) => cached),
      ...(waits.length === 0 ? {} : { dataWait: { seconds: total(waits.map(({ seconds }) => seconds)), of: total(waits.map(({ of }) => of)) } }),
    };
  });
}
