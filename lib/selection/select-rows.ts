import path from 'node:path';
import { parquetTable, sqlText, type Database } from '../data/index.js';
import { BlissError } from '../errors.js';
import { idOrder } from './id-order.js';
import { deviationOf, medianOf } from './of-all-logits.js';
import { isInFile, writeWithoutRedundancy, type ChooseRows } from './redundancy.js';
import type { RankingRule } from './types.js';

export interface SelectRows {
  readonly database: Database;
  /** relation with columns id VARCHAR, index INTEGER, source VARCHAR, logit FLOAT (null where nothing was learnt), trained BOOLEAN */
  readonly rows: string;
  readonly rule: RankingRule;
  /** rows wanted; where fewer may be chosen, all of those are */
  readonly count: number;
  /** leaves out rows that trained the scorer. @default false */
  readonly withoutTrained?: boolean;
  /** rows lose by what rows chosen before them have already. @default they lose nothing */
  readonly redundancy?: Pick<ChooseRows, 'weight' | 'ngram' | 'tokensOf' | 'mostNgrams'>;
  /** Parquet file to write: columns id, index, source, rank, score (null where nothing was learnt); best first */
  readonly file: string;
  /** exists; keys that SQL cannot compute are kept in a file in it */
  readonly temporaryFolder: string;
}

export interface SelectedRows {
  readonly rows: number;
  readonly selected: number;
  /** relation with the columns of `rows` and `key`; as long as the database is open */
  readonly keyed: string;
  /** condition on columns of `keyed`: the row is among the selected ones */
  readonly isSelected: string;
}

/** Bins that keys are counted in: of logits alike to a normal distribution the fullest holds a thousandth. */
const BINS = 4_096;

/**
 * Writes the rows with the largest keys, largest first, ties by id ascending, or those that a redundancy penalty leaves. Rows and ids stay in files, and memory is bounded
 * whatever their number: a first pass counts keys by bins, and only rows of the bins that are needed are sorted.
 *
 * @throws BlissError DataInvalid where a score is missing or no number; DiskFull
 */
export async function selectRows({ database, rows, rule, count, withoutTrained = false, redundancy, file, temporaryFolder }: SelectRows): Promise<SelectedRows> {
  const keyed = await keyedRows({ database, rows, rule, temporaryFolder });
  const allowed = withoutTrained ? 'NOT trained' : 'true';
  const [all] = await database.rows(`SELECT count(*) AS rows, count_if(logit IS NULL) AS missing, count_if(isnan(logit)) AS bad, count_if(${allowed}) AS allowed,
    min(key) FILTER (${allowed} AND isfinite(key)) AS low, max(key) FILTER (${allowed} AND isfinite(key)) AS high FROM ${keyed}`);
  if (rule.needsScores) await checkScores({ database, rows, rule: rule.name, all: Number(all['rows']), missing: Number(all['missing']), bad: Number(all['bad']) });
  const selected = Math.min(count, Number(all['allowed']));
  const enough = selected === 0 || selected === Number(all['allowed']) || all['low'] === null ? 'true' : await largeEnough({ database, keyed, allowed, selected, low: Number(all['low']), high: Number(all['high']) });
  const order = await idOrder({ database, rows: `${keyed} WHERE ${allowed} AND ${enough}` });
  if (redundancy !== undefined && selected > 0) {
    const deviation = await deviationOf({ database, rows: `(SELECT key AS logit FROM ${keyed})` });
    await writeWithoutRedundancy({ database, keyed, allowed, order: await idOrder({ database, rows: keyed }), count: selected, deviation, file, temporaryFolder, ...redundancy });
    return { rows: Number(all['rows']), selected, keyed, isSelected: isInFile(file) };
  }
  await database.run(`COPY (
    SELECT id, index, source, (row_number() OVER () - 1)::INTEGER AS rank, logit AS score
    FROM (SELECT id, index, source, logit FROM ${keyed} WHERE ${allowed} AND ${enough} ORDER BY key DESC, ${order} LIMIT ${selected})
  ) TO ${sqlText(file)} (FORMAT parquet, COMPRESSION snappy)`);
  return { rows: Number(all['rows']), selected, keyed, isSelected: selected === 0 ? 'false' : await selectedIn({ database, keyed, allowed, file, last: selected - 1 }) };
}

interface CheckScores {
  readonly database: Database;
  readonly rows: string;
  readonly rule: string;
  /** rows, those without a score, those whose score is no number */
  readonly all: number;
  readonly missing: number;
  readonly bad: number;
}

async function checkScores({ database, rows, rule, all, missing, bad }: CheckScores): Promise<void> {
  if (missing > 0) {
    throw new BlissError({ code: 'DataInvalid', message: `${rule} needs a score of each of ${all} rows, ${all - missing} came`, fix: 'score every row of the group first' });
  }
  if (bad === 0) return;
  const [{ id }] = await database.rows(`SELECT id FROM ${rows} WHERE isnan(logit) ORDER BY index LIMIT 1`);
  throw new BlissError({ code: 'DataInvalid', where: String(id), message: 'the score of the row is no number', fix: 'the score model has diverged: lower bilevel.score.peakLearningRate' });
}

/** Keys that are not the logits themselves are computed here and not in SQL: exp and log end in other bits there. */
async function keyedRows({ database, rows, rule: { key, ofAll }, temporaryFolder }: Pick<SelectRows, 'database' | 'rows' | 'rule' | 'temporaryFolder'>): Promise<string> {
  if (key === undefined) return `(SELECT *, logit AS key FROM ${rows})`;
  const known = ofAll === undefined ? Number.NaN : await (ofAll === 'median' ? medianOf : deviationOf)({ database, rows });
  database.define('selection_key', (id, logit) => key({ id, logit, ofAll: known }));
  const file = path.join(temporaryFolder, 'keyed.parquet');
  await database.run(`COPY (SELECT *, selection_key(id, coalesce(logit, 'nan'::FLOAT)) AS key FROM ${rows}) TO ${sqlText(file)} (FORMAT parquet, COMPRESSION snappy)`);
  return parquetTable([file]);
}

interface LargeEnough {
  readonly database: Database;
  readonly keyed: string;
  readonly allowed: string;
  readonly selected: number;
  /** least and largest finite key */
  readonly low: number;
  readonly high: number;
}

/** A condition that all of the `selected` largest keys meet, and few others: the bins down to the one that holds the last of them. */
async function largeEnough({ database, keyed, allowed, selected, low, high }: LargeEnough): Promise<string> {
  const width = (high - low) / BINS;
  if (!(width > 0)) return 'true';
  const bin = `least(${BINS - 1}, greatest(0, floor((key::DOUBLE - '${low}'::DOUBLE) / '${width}'::DOUBLE)))::INTEGER`;
  const bins = await database.rows(`SELECT ${bin} AS bin, count(*) AS n, min(key) AS least, typeof(min(key)) AS type FROM ${keyed} WHERE ${allowed} GROUP BY bin ORDER BY bin DESC`);
  let sum = 0;
  const border = bins.find(({ n }) => (sum += Number(n)) >= selected);
  // a plain comparison: of rows that don't meet it DuckDB reads no other column
  return border === undefined ? 'true' : `key >= '${Number(border['least'])}'::${String(border['type'])}`;
}

/** From the last row that is selected follows of every row whether it is. */
async function selectedIn({ database, keyed, allowed, file, last }: { readonly database: Database; readonly keyed: string; readonly allowed: string; readonly file: string; readonly last: number }): Promise<string> {
  await database.run(`SET VARIABLE border = (SELECT index FROM ${parquetTable([file])} WHERE rank = ${last})`);
  await database.run(`SET VARIABLE border = (SELECT {key: key, tie: id_order(id)} FROM ${keyed} WHERE index = getvariable('border'))`);
  return `(${allowed} AND key >= getvariable('border').key AND (key > getvariable('border').key OR id_order(id) <= getvariable('border').tie))`;
}
