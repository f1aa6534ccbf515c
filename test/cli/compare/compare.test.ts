import { appendFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { bliss, place } from '../bliss.js';
import { documents, writeConfig } from '../corpus.js';

const MORE = `bilevel: { outerSteps: 4, batchSize: 4, validationBatchSize: 4 }
models:
  vocabularySize: 512
  proxy: &model { architecture: llama, layers: 1, width: 32, heads: 4, keyValueHeads: 2, intermediate: 48, initStandardDeviation: 0.11, tieEmbeddings: true }
  target: *model
warmUp: { steps: 4 }
pretraining: { steps: 4, decay: { steps: 2 } }
comparison: { arms: [{ name: ours, selector: bliss }, { name: chance, selector: random }, { name: grams, selector: dsir }] }
`;
const RUNS_MS = 400_000;

interface Metric { readonly seed: number; readonly arm: string; readonly loss: number }
interface Difference { readonly mean: number; readonly interval: readonly [number, number]; readonly bySeed: readonly { readonly seed: number; readonly difference: number }[] }
interface Answer {
  readonly seeds: readonly number[];
  readonly arms: readonly { readonly arm: string; readonly loss: number; readonly gain?: Difference; readonly lead?: Difference & { readonly of: string }; readonly perRound?: { readonly seconds: number } }[];
  readonly lead: string;
  readonly report?: string;
}

describe('two runs of other seeds', () => {
  const { folder, home } = place();
  const metrics: Metric[] = [];
  const corpus = path.join(folder, 'corpus.jsonl');

  beforeAll(async () => {
    writeFileSync(corpus, `${documents(0, 60).join('\n')}\n`);
    writeFileSync(path.join(folder, 'held-out.jsonl'), `${documents(5_000, 120).join('\n')}\n`);
    const config = writeConfig({ folder, name: 'short', corpus: 'corpus.jsonl', more: MORE });
    for (const seed of [3, 8]) {
      const { code, stdout, stderr } = await bliss(['run', config, '--name', `run-${seed}`, '--set', `seeds=[${seed}]`, '--home', home, '--json']);
      expect(code, stderr).toBe(0);
      metrics.push(...(JSON.parse(stdout) as { readonly metrics: readonly Metric[] }).metrics.map((one) => ({ ...one, seed })));
    }
    // the same settings, another text
    appendFileSync(corpus, `${documents(900, 5).join('\n')}\n`);
    const { code, stderr } = await bliss(['run', config, '--name', 'other-text', '--set', 'seeds=[9]', '--home', home, '--json']);
    expect(code, stderr).toBe(0);
  }, RUNS_MS);

  const lossOf = (seed: number, arm: string): number => metrics.find((one) => one.seed === seed && one.arm === arm)?.loss ?? Number.NaN;

  test('are one table: gains and leads over all seeds, with the t interval of their number', async () => {
    const { code, stdout, stderr } = await bliss(['compare', 'run-3', 'run-8', '--home', home, '--json']);
    expect(code, stderr).toBe(0);
    const { seeds, arms, lead } = JSON.parse(stdout) as Answer;
    expect(seeds).toEqual([3, 8]);
    const check = (found: Difference | undefined, of: (seed: number) => number): void => {
      const [a, b] = [of(3), of(8)];
      expect(found?.bySeed.map(({ seed }) => seed)).toEqual([3, 8]);
      expect(found?.mean).toBeCloseTo((a + b) / 2, 9);
      // of two values s/√n is half their distance; t(1) = 12.706
      expect(found?.interval[1]).toBeCloseTo((a + b) / 2 + (12.706 * Math.abs(a - b)) / 2, 9);
    };
    const [ours, chance, grams] = arms;
    expect(ours.loss).toBeCloseTo((lossOf(3, 'ours') + lossOf(8, 'ours')) / 2, 9);
    check(ours.gain, (seed) => lossOf(seed, 'chance') - lossOf(seed, 'ours'));
    check(grams.gain, (seed) => lossOf(seed, 'chance') - lossOf(seed, 'grams'));
    check(chance.lead, (seed) => lossOf(seed, 'chance') - lossOf(seed, 'ours'));
    check(grams.lead, (seed) => lossOf(seed, 'grams') - lossOf(seed, 'ours'));
    expect(grams.lead?.of).toBe('ours');
    expect(chance.gain).toBeUndefined();
    expect(ours.perRound?.seconds).toBeGreaterThan(grams.perRound?.seconds ?? Infinity);
    expect(lead).toContain('of 2 other arms');
  });

  test('are one report, of the seeds of both, which says what their scores tell apart', async () => {
    const file = path.join(folder, 'joined.html');
    const ended = await bliss(['compare', 'run-3', 'run-8', '--to', file, '--home', home]);
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toMatch(/^run-3 \(seed 3\) and run-8 \(seed 8\): test set/);
    expect(ended.stdout).toContain(file);
    const page = readFileSync(file, 'utf8');
    expect(page).toMatch(/<title>run-3 \+ run-8: /);
    const data = JSON.parse(/<script type="application\/json" id="report-data">(.*)<\/script>/.exec(page)?.[1] ?? '') as { readonly separations: readonly { readonly seed: number; readonly arm: string }[]; readonly metrics: readonly Metric[] };
    expect(data.separations.map(({ seed, arm }) => `${seed} ${arm}`)).toEqual(['3 ours', '3 grams', '8 ours', '8 grams']);
    expect(data.metrics.map(({ seed }) => seed).sort((a, b) => a - b)).toEqual([3, 3, 3, 8, 8, 8]);
    const again = await bliss(['compare', 'run-3', '--to', file, '--home', home]);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('is there already') });
  });

  test('are refused over other files, though their settings are the same', async () => {
    const { code, stderr } = await bliss(['compare', 'run-3', 'other-text', '--to', path.join(folder, 'none.html'), '--home', home]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/prepare: run-3 and other-text did not read the same files: .*corpus\.jsonl/);
    expect(existsSync(path.join(folder, 'none.html'))).toBe(false);
  });

  test('of which the store no longer says what they were made from are joined with a note', async () => {
    const other = place().home;
    cpSync(home, other, { recursive: true });
    rmSync(path.join(other, 'store', 'inputs'), { recursive: true });
    const { code, stdout, stderr } = await bliss(['compare', 'run-3', 'run-8', '--home', other]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('note: whether run-3 and run-8 read the same files is not on record for prepare');
  });

  test('one of which is not there, or not finished, is named', async () => {
    expect(await bliss(['compare', 'run-3', 'nobody', '--home', home])).toMatchObject({ code: 2, stderr: expect.stringContaining("there is no run 'nobody'") });
    expect((await bliss(['compare', '--home', home])).code).toBe(2);
  });
});
