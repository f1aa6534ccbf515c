import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../config/index.js';
import { activityInputSchemas } from '../../config/inputs/activities.js';
import { inputFault } from '../../config/inputs/input-fault.js';
import { stageInputSchemas } from '../../config/inputs/stages.js';
import { pipelineInputSchema, stageWorkflowSchema } from '../../config/inputs/workflows.js';
import { STAGE_NAMES } from '../../config/tables/stages.js';
import { sha256 } from '../../lib/artifacts/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import type { StageName } from '../../lib/stages/types.js';
import { recordInputs, type RecordInputs } from './recorded-inputs.js';

/*
 * Schemas of what workflows and activities are given: all that any version has given passes, nothing else does.
 */

const FOLDER = fileURLToPath(new URL('../fixtures/histories/', import.meta.url));
interface Payloads {
  readonly payloads?: readonly { readonly data?: string }[];
}
interface Event {
  readonly workflowExecutionStartedEventAttributes?: { readonly workflowType: { readonly name: string }; readonly input?: Payloads };
  readonly activityTaskScheduledEventAttributes?: { readonly activityType: { readonly name: keyof typeof activityInputSchemas }; readonly input?: Payloads };
}
const argumentOf = (input: Payloads | undefined): unknown => {
  const data = input?.payloads?.[0]?.data;
  return data === undefined ? undefined : JSON.parse(Buffer.from(data, 'base64').toString('utf8'));
};
const STAGE_OF: Readonly<Record<string, StageName>> = { warmUp: 'training', pretraining: 'training', decay: 'training' };

test.each(readdirSync(FOLDER).sort())('what runs of an earlier version gave passes, a program in their configuration included: histories kept of %s', (kept) => {
  for (const file of readdirSync(path.join(FOLDER, kept))) {
    const { events } = JSON.parse(gunzipSync(readFileSync(path.join(FOLDER, kept, file))).toString('utf8')) as { readonly events: readonly Event[] };
    for (const { workflowExecutionStartedEventAttributes: started, activityTaskScheduledEventAttributes: scheduled } of events) {
      if (started !== undefined) {
        const { name } = started.workflowType;
        const schema = name === 'pipeline' ? pipelineInputSchema : stageWorkflowSchema(STAGE_OF[name] ?? (name as StageName)); // as they are registered
        expect(inputFault(schema, argumentOf(started.input)), `${file}: ${name}`).toBeUndefined();
      }
      if (scheduled !== undefined) {
        const { name } = scheduled.activityType;
        expect(inputFault(activityInputSchemas[name], argumentOf(scheduled.input)), `${file}: ${name}`).toBeUndefined();
      }
    }
  }
});

const refOf = (stage: string): Ref => ({ uri: `store:artifacts/${sha256(stage)}/manifest.json`, sha256: sha256(stage), size: 1, digest: sha256(stage) });
const EVERYTHING = [
  'rounds=2',
  'mates.temperature=0.25',
  'comparison.arms=[{name: b, selector: bliss}, {name: r, selector: random}, {name: d, selector: dsir}, {name: m, selector: mates}, {name: p, selector: perplexity-middle}, {name: c, selector: color}, {name: t, selector: color-target}, {name: s, selector: repsim}, {name: g, selector: gradsim}, {name: o, selector: oracle}]',
  'color.steps=5',
  'divergence={policy: rewind, spike: {}}',
  'evaluation.everySteps=7',
  'pretraining.microBatchSize=1',
  'selection.redundancy={weight: 0.5}',
  'bilevel.microBatchSize=1',
  'bilevel.validationMicroBatchSize=1',
  'bilevel.weights=logits',
  'bilevel.temperature=0.5',
  'bilevel.score.features=[color, dsir, perplexity-low]',
  'bilevel.score.featureScale=16',
  'bilevel.score.backbone=false',
  'bilevel.schedule=wsd',
  'bilevel.stopAt={rankCorrelation: 0.9, every: 10}',
  'bilevel.laterOuterSteps=60',
  'bilevel.solver={method: identity, preconditioner: adam, epsilon: 1.0e-6}',
  'evaluation.tasks=[{name: piqa, path: piqa.jsonl, limit: 3}]',
];
const AT: readonly (readonly [StageName, string])[] = [
  ['prepare', 'prepare'],
  ['selection', 'warm-up/selection'],
  ['training', 'warm-up/proxy'],
  ['bilevel', 'b/round-2/bilevel'],
  ['scoring', 'b/round-1/scoring'],
  ['scoring', 'p/round-1/scoring'],
  ['selection', 'm/round-1/selection'],
  ['lexical', 'd/round-1/lexical'],
  ['mates', 'm/round-2/mates'],
  ['color', 'c/round-1/color'],
  ['recolor', 't/round-2/recolor'],
  ['repsim', 's/round-1/repsim'],
  ['gradsim', 'g/round-2/gradsim'],
  ['scoring', 'o/round-2/scoring'],
  ['training', 'b/round-1/pretraining'],
  ['training', 'b/round-1/decay'],
  ['evaluation', 'b/round-1/evaluation'],
];

/** Every field of a JSON value, by its path. */
function fieldsOf(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [[...at, key], ...fieldsOf(item, [...at, key])]);
}
function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to;
  if (Array.isArray(value)) return value.map((item: unknown, i) => (String(i) === key ? changed(item, rest, to) : item));
  return { ...(value as object), [key]: changed((value as Record<string, unknown>)[key], rest, to) };
}

test('every stage has a place here where its input is held, but for two', () => {
  // importing wants a run with `models.….from`, report the results of all the others
  expect(new Set(AT.map(([name]) => name))).toEqual(new Set(STAGE_NAMES.filter((name) => name !== 'importing' && name !== 'report')));
});

test.each(AT)('what a %s stage is given at %s passes, and every single field of it is held: of another kind it is refused', async (name, stage) => {
  const { config } = loadConfig({ source: 'smoke', overrides: EVERYTHING, cwd: process.cwd() });
  const input = (await recordInputs({ config, refOf })).of(name, `seed-0/${stage}`);
  const schema = stageInputSchemas[name];
  expect(inputFault(schema, input)).toBeUndefined();
  for (const field of fieldsOf(input)) expect(inputFault(schema, changed(input, field, [['of another kind']])), field.join('.')).toBeDefined();
  // what another version has beside is passed over, wherever it is
  expect(inputFault(schema, { ...input, since: 'later' })).toBeUndefined();
  const [section] = Object.entries(input).find(([, value]) => typeof value === 'object' && value !== null && !Array.isArray(value)) ?? [];
  if (section !== undefined) expect(inputFault(schema, changed(input, [section, 'since'], 'later'))).toBeUndefined();
});

describe('names that become paths', () => {
  const claim = { run: 'mine', stage: 'seed-0/bliss/round-1/scoring/shards-0-4', claimant: 'me' };
  test('pass as runs have them', () => expect(inputFault(activityInputSchemas.claimEpoch, claim)).toBeUndefined());
  test.each(['../../x', '/etc', '.', '..', 'a/b', 'a\0b', '', 'Läufe', 'a'.repeat(64)])('no run is called %j', (run) => {
    expect(inputFault(activityInputSchemas.claimEpoch, { ...claim, run })).toContain('run: ');
    expect(inputFault(activityInputSchemas.presentRun, { run, report: refOf('report') })).toContain('run: ');
    expect(inputFault(activityInputSchemas.deviceSeconds, { run })).toContain('run: ');
  });
  test.each(['../x', 'seed-0/../../x', '/etc/passwd', 'a//b', 'a/', 'a\0', '.hidden', ''])('no stage lies at %j', (stage) => expect(inputFault(activityInputSchemas.claimEpoch, { ...claim, stage })).toContain('stage: '));
  test.each(['store:../../etc/manifest.json', 'store:stages/x.json', 'file:///etc/passwd', `store:artifacts/${'0'.repeat(64)}/../x/manifest.json`])('no artifact lies at %j', (uri) => {
    expect(inputFault(activityInputSchemas.presentRun, { run: 'mine', report: { ...refOf('report'), uri } })).toContain('report.uri: ');
  });
  test.each(['../../other/round-1', 'RUN', '/x/round-1', 'run/round-0'])('no selection of another run is %j', (from) => expect(inputFault(activityInputSchemas.resolveSelection, { from, seed: 0 })).toContain('from: '));
});

test('color, repsim and gradsim are given the same in every round, so that all rounds after the first find them finished', async () => {
  const { config } = loadConfig({ source: 'smoke', overrides: EVERYTHING, cwd: process.cwd() });
  const inputs = await recordInputs({ config, refOf });
  expect(inputs.of('color', 'seed-0/c/round-2/color')).toEqual(inputs.of('color', 'seed-0/c/round-1/color'));
  expect(inputs.of('repsim', 'seed-0/s/round-2/repsim')).toEqual(inputs.of('repsim', 'seed-0/s/round-1/repsim'));
  expect(inputs.of('gradsim', 'seed-0/g/round-2/gradsim')).toEqual(inputs.of('gradsim', 'seed-0/g/round-1/gradsim'));
  // but for the target, which is another in each round
  expect(inputs.of('recolor', 'seed-0/t/round-2/recolor')).not.toEqual(inputs.of('recolor', 'seed-0/t/round-1/recolor'));
});

test('rounds after the first have the bilevel steps of later rounds, and none is given how many the others have', async () => {
  const { config } = loadConfig({ source: 'smoke', overrides: EVERYTHING, cwd: process.cwd() });
  const inputs = await recordInputs({ config, refOf });
  const sections = [1, 2].map((round) => (inputs.of('bilevel', `seed-0/b/round-${round}/bilevel`) as { readonly bilevel: Readonly<Record<string, unknown>> }).bilevel);
  expect(sections.map(({ outerSteps }) => outerSteps)).toEqual([300, 60]);
  for (const section of sections) expect(section).not.toHaveProperty('laterOuterSteps');
});

test('arms that draw noise have each their own; ranked without noise they have none, and rows by chance stay as they are', async () => {
  const seeds = async (overrides: readonly string[]): Promise<readonly unknown[]> => {
    const { config } = loadConfig({ source: 'smoke', overrides: [...EVERYTHING, ...overrides], cwd: process.cwd() });
    const inputs = await recordInputs({ config, refOf });
    return ['b', 'd', 'm', 'p', 'r'].map((arm) => (inputs.of('selection', `seed-0/${arm}/round-1/selection`) as { readonly seed: string }).seed);
  };
  expect(await seeds([])).toEqual(['0/round-1', '0/round-1', '0/round-1/m', '0/round-1', '0/round-1']);
  expect(await seeds(['selection.method=gumbel-top-k'])).toEqual(['0/round-1/b', '0/round-1/d', '0/round-1/m', '0/round-1', '0/round-1']);
});

test('whose noise it is stands in the run’s input: neither what an execution’s history says nor the version that resumes the run changes it', async () => {
  const { config } = loadConfig({ source: 'smoke', overrides: [...EVERYTHING, 'selection.method=gumbel-top-k'], cwd: process.cwd() });
  const seedOf = async (given: Pick<RecordInputs, 'noise' | 'hasNoiseOfArm'>): Promise<string> => (await recordInputs({ config, refOf, ...given })).of('selection', 'seed-0/b/round-1/selection').seed;
  expect(await seedOf({ noise: 'shared', hasNoiseOfArm: true })).toBe('0/round-1');
  expect(await seedOf({ noise: 'arm', hasNoiseOfArm: false })).toBe('0/round-1/b');
  expect(await seedOf({ hasNoiseOfArm: false })).toBe('0/round-1');
});

test('rows that others make redundant cost in every arm that ranks by scores; rows by chance are drawn as before', async () => {
  const { config } = loadConfig({ source: 'smoke', overrides: EVERYTHING, cwd: process.cwd() });
  const inputs = await recordInputs({ config, refOf });
  for (const arm of ['b', 'd', 'm', 'p', 'c', 'o']) expect(inputs.of('selection', `seed-0/${arm}/round-1/selection`).redundancy, arm).toEqual({ weight: 0.5, ngram: 3 });
  expect(inputs.of('selection', 'seed-0/r/round-1/selection')).not.toHaveProperty('redundancy');
  expect(inputs.of('selection', 'seed-0/warm-up/selection')).not.toHaveProperty('redundancy');
});
