import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readParquet } from '../../../lib/data/index.js';
import { exportDataset } from '../../../lib/stages/exports/export-dataset.js';
import { pythonWith } from '../../needs/python.js';
import { selectedRows } from './selected-rows.js';

type Rows = readonly Readonly<Record<string, unknown>>[];
interface Loaded {
  readonly features: Readonly<Record<string, string>>;
  readonly rows: Rows;
}
interface Opened {
  readonly card: Readonly<Record<'default' | 'scores', Loaded>>;
  readonly format: Readonly<Record<'data' | 'scores', Loaded>>;
  readonly duckdb: Readonly<Record<'data' | 'scores', Rows>>;
  readonly pyarrow: Readonly<Record<'data' | 'scores', Rows>>;
  readonly best: readonly string[];
}

describe('an exported data set', () => {
  test('is opened by datasets, by its card and as plain Parquet, by DuckDB and by pyarrow, with every value', { timeout: 300_000 }, async (context) => {
    const python = pythonWith(context, ['datasets', 'duckdb', 'pyarrow']);
    const { asked, root, rows: all, chosen } = await selectedRows();
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    const folder = path.join(root, 'exported');
    await exportDataset({ ...asked('bliss', [1, 2]), what: 'dataset', to: folder, shardBytes: 4_000 });
    const read = async (within: 'data' | 'scores'): Promise<Rows> => {
      const files = readdirSync(path.join(folder, within)).sort();
      expect(files.length).toBeGreaterThan(1);
      return (await Promise.all(files.map((file) => readParquet({ file: path.join(folder, within, file) })))).flat();
    };
    const expected = { data: await read('data'), scores: await read('scores') };
    const { stdout, stderr, status } = spawnSync(python, [path.join(import.meta.dirname, 'open-dataset.py'), folder], { encoding: 'utf8', maxBuffer: 2 ** 26, env: { ...process.env, HF_HUB_OFFLINE: '1', HF_HOME: path.join(root, 'hub') } });
    expect(status, stderr).toBe(0);
    const opened = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Opened;

    expect(expected.data).toHaveLength(2 * chosen);
    expect(expected.scores).toHaveLength(all.length);
    expect(opened.card.default.rows).toEqual(expected.data);
    expect(opened.card.scores.rows).toEqual(expected.scores);
    for (const name of ['data', 'scores'] as const) {
      expect(opened.format[name].rows, name).toEqual(expected[name]);
      expect(opened.duckdb[name], name).toEqual(expected[name]);
      expect(opened.pyarrow[name], name).toEqual(expected[name]);
    }
    const features = { id: 'string', source: 'string', text: 'string', score: 'float32', rank: 'int32', round: 'int32', documents: 'list of string' };
    expect(opened.card.default.features).toEqual(features);
    // what the card says is what the files themselves say
    expect(opened.format.data.features).toEqual(features);
    expect(opened.card.scores.features).toEqual(opened.format.scores.features);
    const first = all.filter(({ round }) => round === 1).sort((a, b) => b.logit - a.logit).slice(0, 10);
    expect(opened.best).toEqual(first.map(({ id }) => id));
  });
});
