import { parquetTable, type Database } from '../../data/index.js';
import type { SelectedRows } from '../../selection/index.js';

/** What a selection is made of, in counts. */
export interface SelectionDescription {
  readonly rows: number;
  readonly selectedRows: number;
  readonly sources: readonly { readonly source: string; readonly rows: number; readonly selectedRows: number; readonly selectedTrained: number; readonly selectedUntrained: number }[];
  readonly histogram?: { readonly edges: readonly number[]; readonly counts: readonly { readonly source: string; readonly counts: readonly number[] }[]; readonly threshold: number };
}

/** `facts.json` of a selection: what the report tells of it. */
export interface SelectionFactsFile extends SelectionDescription {
  readonly samples: SampleTexts;
}

export interface SampleTexts extends SamplePlaces {
  /** by row index */
  readonly texts: Readonly<Record<string, string>>;
  readonly ids: SampleRows;
}
/** by row index */
export type SampleRows = Readonly<Record<string, { readonly id: string; readonly source: string; readonly selected: boolean; readonly trained: boolean; readonly logit?: number }>>;
/** row indices to show */
export interface SamplePlaces {
  readonly top: readonly number[];
  readonly border: readonly number[];
  readonly bottom: readonly number[];
}

const BINS = 40;
/** samples from each place of the ranking */
const SAMPLES = 4;

export interface DescribedSelection {
  readonly database: Database;
  readonly selection: SelectedRows;
  /** `selected.parquet` */
  readonly file: string;
  readonly hasScores: boolean;
}

export async function describeSelection({ database, selection, file, hasScores }: DescribedSelection): Promise<SelectionDescription> {
  const { keyed, isSelected, rows, selected } = selection;
  const all = await countsOf(database, `SELECT source, count(*) AS n FROM ${keyed} GROUP BY source`);
  const chosen = await countsOf(database, `SELECT source, count(*) AS n FROM ${parquetTable([file])} GROUP BY source`);
  const trained = await countsOf(database, `SELECT source, count(*) AS n FROM ${keyed} WHERE trained AND ${isSelected} GROUP BY source`);
  const names = [...all.keys()].sort();
  return {
    rows,
    selectedRows: selected,
    sources: names.map((source) => {
      const selectedRows = chosen.get(source) ?? 0;
      const selectedTrained = trained.get(source) ?? 0;
      return { source, rows: all.get(source) ?? 0, selectedRows, selectedTrained, selectedUntrained: selectedRows - selectedTrained };
    }),
    ...(hasScores ? { histogram: await histogram({ database, selection, file, names }) } : {}),
  };
}

async function countsOf(database: Database, sql: string): Promise<Map<string, number>> {
  return new Map((await database.rows(sql)).map(({ source, n }) => [String(source), Number(n)]));
}

async function histogram({ database, selection: { keyed, selected }, file, names }: Pick<DescribedSelection, 'database' | 'selection' | 'file'> & { readonly names: readonly string[] }): Promise<NonNullable<SelectionDescription['histogram']>> {
  const [ends] = await database.rows(`SELECT min(logit) AS low, max(logit) AS high FROM ${keyed}`);
  const low = Number(ends['low']);
  const width = (Number(ends['high']) - low) / BINS || 1;
  const counts = new Map(names.map((name) => [name, Array.from({ length: BINS }, () => 0)]));
  const bins = await database.rows(`SELECT source, least(${BINS - 1}, floor((logit::DOUBLE - '${low}'::DOUBLE) / '${width}'::DOUBLE))::INTEGER AS bin, count(*) AS n FROM ${keyed} GROUP BY source, bin`);
  for (const { source, bin, n } of bins) (counts.get(String(source)) ?? [])[Number(bin)] = Number(n);
  const [last] = await database.rows(`SELECT score FROM ${parquetTable([file])} WHERE rank = ${selected - 1}`);
  return { edges: Array.from({ length: BINS + 1 }, (_, i) => low + i * width), counts: [...counts].map(([source, own]) => ({ source, counts: own })), threshold: Number(last['score']) };
}

/** Rows to look at: the best, those on both sides of the border, the worst. Without scores: some chosen and some not. */
export async function pickSamples({ database, selection: { keyed, isSelected, selected }, file, hasScores }: DescribedSelection): Promise<{ readonly places: SamplePlaces; readonly rows: SampleRows }> {
  const half = SAMPLES / 2;
  const indices = async (sql: string): Promise<number[]> => (await database.rows(sql)).map(({ index }) => Number(index));
  const chosen = (where: string): Promise<number[]> => indices(`SELECT index FROM ${parquetTable([file])} WHERE ${where} ORDER BY rank`);
  const others = (order: string, count: number): Promise<number[]> => indices(`SELECT index FROM ${keyed} WHERE NOT ${isSelected} ORDER BY ${order} LIMIT ${count}`);
  const best = await others(hasScores ? 'logit DESC, index' : 'index', half);
  const worst = await others(hasScores ? 'logit, index DESC' : 'index DESC', SAMPLES);
  const places = { top: await chosen(`rank < ${SAMPLES}`), border: [...(await chosen(`rank >= ${selected - half}`)), ...best], bottom: worst.reverse() };
  const wanted = [...places.top, ...places.border, ...places.bottom];
  const found = wanted.length === 0 ? [] : await database.rows(`SELECT id, index, source, ${isSelected} AS selected, trained, logit FROM ${keyed} WHERE index IN (${wanted.join(', ')})`);
  const rows = new Map(found.map(({ id, index, source, selected: isIn, trained, logit }) => [Number(index), { id: String(id), source: String(source), selected: isIn === true, trained: trained === true, ...(hasScores ? { logit: Number(logit) } : {}) }]));
  return { places, rows: Object.fromEntries(rows) };
}
