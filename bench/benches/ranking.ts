import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { readParquet } from '../../lib/data/index.js';
import { cacheFolder } from '../../lib/home.js';
import { spearman } from '../../lib/influence/index.js';
import { packageRoot } from '../../lib/package-root.js';
import { precision } from '../../lib/selection/index.js';
import type { Bench } from '../bench.js';

/** those that the demo's settings were chosen with */
const SEEDS = [0, 1, 2];
/** what the held-out text of the demo is made of */
const WANTED = 'books';
/** part of a group that the demo selects */
const FRACTION = 0.2;

/** gradient descent as the release has it, three products with H, from zero */
const exact = { ...bilevelSchema.parse({}).solver, method: 'gd', steps: 3, start: 'zero' };
const solvers = { gd: exact, default: bilevelSchema.parse({}).solver };

interface Compared {
  readonly seed: number;
  readonly round: number;
  /** of the scores of all rows of the round's group */
  readonly spearman: number;
  /** share of the selected rows that both select */
  readonly common: number;
  /** share of the selected rows that come from the wanted source */
  readonly precision: { readonly gd: number; readonly default: number };
}

interface Data {
  readonly compared: readonly Compared[];
}

/** Whether the default solver ranks rows as three steps of gradient descent with exact products do: whole runs of the demo, the two from the same warm-ups. */
export const ranking: Bench<Data> = {
  name: 'ranking',
  about: 'do scores learnt with the default solver rank the rows of the demo as three steps of gradient descent do',
  cases: ['demo'],
  run: async ({ say }) => {
    const home = path.join(cacheFolder(), 'bench', 'ranking');
    mkdirSync(home, { recursive: true });
    const started = Date.now();
    const scored: Record<keyof typeof solvers, ScoredGroup[]> = { gd: [], default: [] };
    for (const name of ['gd', 'default'] as const) {
      say(`the demo with ${JSON.stringify(solvers[name])}`);
      const run = `${name}-${started}`; // finished stages are found again under any name
      await bliss(home, ['run', 'demo', '--name', run, '--set', `seeds=${JSON.stringify(SEEDS)}`, '--set', 'comparison.arms=[{name: bliss, selector: bliss}]', '--set', `bilevel.solver=${JSON.stringify(solvers[name])}`]);
      scored[name] = await scoresOf(home, run);
    }
    return { compared: scored.gd.map((exactly, i) => compare(exactly, scored.default[i])) };
  },
  tables: ({ compared }) => [
    {
      caption: `Ranking of the demo’s rows, default solver against gd of three steps (precision: share of ${WANTED} among the ${FRACTION * 100}% selected)`,
      columns: ['seed', 'round', 'Spearman', 'selected by both', 'precision, gd', 'precision, default'],
      rows: compared.map((row) => [String(row.seed), String(row.round), row.spearman.toFixed(4), percent(row.common), percent(row.precision.gd), percent(row.precision.default)]),
    },
  ],
};

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

interface ScoredGroup {
  readonly seed: number;
  readonly round: number;
  readonly ids: readonly string[];
  readonly sources: readonly string[];
  readonly logits: readonly number[];
}

function compare(gd: ScoredGroup, other: ScoredGroup): Compared {
  if (gd.ids.join() !== other.ids.join()) throw new Error(`seed ${gd.seed}, round ${gd.round}: the runs scored other rows`);
  const [a, b] = [gd, other].map(topRows);
  const chosen = new Set(a);
  const precisionOf = ({ sources }: ScoredGroup, selected: Uint32Array): number => precision({ sources, selected, wanted: WANTED }).all;
  return {
    seed: gd.seed,
    round: gd.round,
    spearman: spearman(gd.logits, other.logits),
    common: b.filter((row) => chosen.has(row)).length / b.length,
    precision: { gd: precisionOf(gd, a), default: precisionOf(other, b) },
  };
}

/** the rows with the highest scores; the first of equal ones */
function topRows({ logits }: ScoredGroup): Uint32Array {
  const order = logits.map((_, i) => i).sort((i, j) => logits[j] - logits[i] || i - j);
  return Uint32Array.from(order.slice(0, Math.floor(logits.length * FRACTION)));
}

/** What each scoring stage of a run wrote, by seed and round. */
async function scoresOf(home: string, run: string): Promise<ScoredGroup[]> {
  const stages = JSON.parse(readFileSync(path.join(home, 'runs', run, 'stages.json'), 'utf8')) as readonly FinishedStage[];
  const groups: ScoredGroup[] = [];
  for (const { name, seed, round, results } of stages) {
    if (name !== 'scoring') continue;
    const rows = (await Promise.all(results.map(({ ref }) => readParquet({ file: path.join(home, 'store', path.dirname(ref.uri.replace('store:', '')), 'scores.parquet') })))).flat();
    groups.push({ seed, round, ids: rows.map((row) => String(row['id'])), sources: rows.map((row) => String(row['source'])), logits: rows.map((row) => Number(row['logit'])) });
  }
  return groups.sort((a, b) => a.seed - b.seed || a.round - b.round);
}

/** as the run's folder tells of it */
interface FinishedStage {
  readonly name: string;
  readonly seed: number;
  readonly round: number;
  readonly results: readonly { readonly ref: { readonly uri: string } }[];
}

const bliss = (home: string, args: readonly string[]): Promise<unknown> =>
  promisify(execFile)(process.execPath, [path.join(packageRoot(), 'bin', 'bliss.mjs'), ...args], { env: { ...process.env, BLISS_HOME: home }, maxBuffer: 2 ** 28 });
