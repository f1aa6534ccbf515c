import { stringify } from 'yaml';
import type { ParquetSchema, ParquetType } from '../../data/index.js';
import { oneLine } from '../../printable.js';
import type { HowSelected } from './how-selected.js';
import type { SelectionDescription } from '../selection/index.js';
import { counted } from '../../counted.js';

/** One configuration of a data set: a folder of Parquet files. */
export interface CardTable {
  /** `default`: what is loaded where none is named */
  readonly name: 'default' | 'scores';
  /** `data/train-*.parquet` */
  readonly files: string;
  readonly schema: ParquetSchema;
  readonly rows: number;
}

export interface CardRound extends Pick<SelectionDescription, 'rows' | 'selectedRows' | 'sources'> {
  readonly round: number;
  readonly histogram?: Pick<NonNullable<SelectionDescription['histogram']>, 'threshold'>;
}

export interface DatasetCard {
  readonly run: string;
  readonly seed: number;
  readonly arm: string;
  readonly how: HowSelected;
  readonly rounds: readonly CardRound[];
  readonly tables: readonly CardTable[];
  /** T */
  readonly sequenceLength: number;
  /** the token between two documents, as text */
  readonly endOfText: string;
  readonly codeVersion: string;
}

/** `README.md` of a data set: its head is what Hugging Face reads, the rest is for people. Equal data give an equal card. */
export function datasetCard(card: DatasetCard): string {
  const { run, seed, arm, how, rounds, tables, codeVersion } = card;
  const chosen = total(rounds, 'selectedRows');
  const all = total(rounds, 'rows');
  const inRounds = rounds.length === 1 ? `round ${rounds[0].round}` : `rounds ${rounds.map(({ round }) => round).join(', ')}`;
  const isScores = tables.every(({ name }) => name === 'scores');
  const title = `${run}: ${isScores ? 'scores of all rows' : 'selected rows'}, ${arm}, ${inRounds}`;
  const parts = [
    `---\n${stringify(head(title, tables))}---`,
    `# ${title}`,
    `${isScores ? `The scores of ${counted(all, 'row')} of text for pretraining, ${chosen} of which were chosen` : `${chosen} of ${counted(all, 'row')} of text for pretraining, chosen`} ${how.by}.${how.kept === undefined ? '' : ` Kept were ${how.kept}.`} This is ${inRounds} of the run \`${run}\`, arm \`${arm}\`, seed ${seed}; BLISS Pipeline ${codeVersion} wrote it.`,
    roundTable(rounds),
    sourceTable(rounds),
    '## Columns',
    ...tables.map((table) => columnTable(table, card)),
    '## Loading',
    loading(isScores),
    '## Where it comes from',
    'The text is that of the sources named above, and so is its licence, which this card does not know. `manifest.json` has the lineage: every stage that this was made by with its digests, the sources with their sha256 and rows, the tokenizer, the configuration’s digest, and the sha256 of each file here.',
  ];
  return `${parts.join('\n\n')}\n`;
}

function head(title: string, tables: readonly CardTable[]): unknown {
  return {
    pretty_name: title,
    license: 'unknown',
    task_categories: ['text-generation'],
    size_categories: [sizeCategory(tables[0].rows)],
    tags: ['pretraining', 'data-selection', 'bliss'],
    configs: tables.map(({ name, files }) => ({ config_name: name, data_files: [{ split: 'train', path: files }] })),
    dataset_info: tables.map(({ name, schema, rows }) => ({
      config_name: name,
      features: Object.entries(schema).map(([column, { type, repeated = false }]) => ({ name: column, [repeated ? 'sequence' : 'dtype']: DTYPES[type] })),
      splits: [{ name: 'train', num_examples: rows }],
    })),
  };
}

/** as Hugging Face calls them */
const DTYPES: Readonly<Record<ParquetType, string>> = { UTF8: 'string', BYTE_ARRAY: 'binary', INT32: 'int32', INT64: 'int64', FLOAT: 'float32', DOUBLE: 'float64', BOOLEAN: 'bool' };

/** the hub's own classes, each a thousand or ten times the one before */
function sizeCategory(rows: number): string {
  const bounds = [[1e3, '1K'], [1e4, '10K'], [1e5, '100K'], [1e6, '1M'], [1e7, '10M'], [1e8, '100M'], [1e9, '1B'], [1e10, '10B'], [1e11, '100B'], [1e12, '1T']] as const;
  const above = bounds.findIndex(([bound]) => rows < bound);
  if (above === 0) return 'n<1K';
  return above === -1 ? 'n>1T' : `${bounds[above - 1][1]}<n<${bounds[above][1]}`;
}

function roundTable(rounds: readonly CardRound[]): string {
  const scored = rounds.every(({ histogram }) => histogram !== undefined);
  return table(
    ['round', 'rows', 'chosen', 'share', ...(scored ? ['score of the last one chosen'] : [])],
    rounds.map(({ round, rows, selectedRows, histogram }) => [round, rows, selectedRows, percent(selectedRows / rows), ...(histogram === undefined || !scored ? [] : [Number(histogram.threshold.toPrecision(6))])]),
  );
}

function sourceTable(rounds: readonly CardRound[]): string {
  const names = [...new Set(rounds.flatMap(({ sources }) => sources.map(({ source }) => source)))].sort();
  const [all, chosen] = [total(rounds, 'rows'), total(rounds, 'selectedRows')];
  return `${table(
    ['source', 'rows', 'chosen', 'share of rows', 'share of chosen', 'lift'],
    names.map((name) => {
      const own = rounds.flatMap(({ sources }) => sources.filter(({ source }) => source === name));
      const [rows, selected] = [total(own, 'rows'), total(own, 'selectedRows')];
      return [name, rows, selected, percent(rows / all), percent(selected / chosen), (selected / chosen / (rows / all)).toFixed(2)];
    }),
  )}\n\nLift: share of the chosen rows over share of all rows; 1 is what chance gives.`;
}

function columnTable({ name, schema }: CardTable, { how, sequenceLength, endOfText }: Pick<DatasetCard, 'how' | 'sequenceLength' | 'endOfText'>): string {
  const meanings: Readonly<Record<string, string>> = {
    id: 'the row: its source, and its number there as the text was packed',
    source: 'name of its source',
    text: `its ${sequenceLength} tokens as text`,
    score: `what rows were ranked by: ${how.score}`,
    trained: 'it trained what scores the rows',
    selected: 'it was chosen',
    rank: `place among the chosen rows of its round, from 0${name === 'scores' ? '; null where it is not chosen' : '. The rows lie in another order: shuffled, as they are trained on'}`,
    round: 'round whose rows it is one of; no row is in two',
    documents: 'ids of the documents that it is of, in order: the corpus’s own ids, or file and line',
  };
  const title = name === 'scores' ? 'Every row, chosen or not' : 'The chosen rows';
  const columns = table(['column', 'type', ''], Object.entries(schema).map(([column, { type, repeated = false }]) => [`\`${column}\``, `${repeated ? 'list of ' : ''}${DTYPES[type]}`, meanings[column] ?? '']));
  const packed = 'text' in schema ? `\n\nDocuments are joined by ${codeSpan(endOfText)} and cut into rows of equal length: a row may begin and end within a document, and within a character too (U+FFFD).` : '';
  return `${title} (\`${name}\`):\n\n${columns}${packed}`;
}

/** Of a tokenizer that anybody may have made: no backtick in it ends the span, and it stays on its line. */
function codeSpan(text: string): string {
  const line = oneLine(text);
  const fence = '`'.repeat(1 + Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length)));
  return /^`|`$/.test(line) ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`;
}

const loading = (isScores: boolean): string =>
  isScores
    ? '```python\nfrom datasets import load_dataset\n\nscores = load_dataset("FOLDER", split="train")\nscores = load_dataset("parquet", data_files="FOLDER/scores/*.parquet", split="train")\n```\n\n```sql\nSELECT source, avg(score), avg(selected::INT) FROM \'FOLDER/scores/*.parquet\' GROUP BY source;\n```'
    : '```python\nfrom datasets import load_dataset\n\nrows = load_dataset("FOLDER", split="train")\nrows = load_dataset("parquet", data_files="FOLDER/data/*.parquet", split="train")\n```\n\n```sql\nSELECT text FROM \'FOLDER/data/*.parquet\' ORDER BY round, rank LIMIT 10;\n```';

const table = (columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`).join('\n');

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const total = <Key extends string>(items: readonly Readonly<Record<Key, number>>[], key: Key): number => items.reduce((sum, item) => sum + item[key], 0);
