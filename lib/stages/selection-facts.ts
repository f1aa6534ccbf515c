import { sourceShares } from '../selection/index.js';

/** Rows of a group by index. */
export interface ScoredRows {
  readonly ids: readonly string[];
  readonly sources: readonly string[];
  /** before the sigmoid; absent where nothing was learnt */
  readonly logits?: Float32Array;
  /** 1 where the row trained the scorer */
  readonly trained?: Uint8Array;
}

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
  readonly ids: Readonly<Record<string, { readonly id: string; readonly source: string; readonly selected: boolean; readonly trained: boolean; readonly logit?: number }>>;
}
/** row indices to show */
export interface SamplePlaces {
  readonly top: readonly number[];
  readonly border: readonly number[];
  readonly bottom: readonly number[];
}

const BINS = 40;
/** samples from each place of the ranking */
const SAMPLES = 4;

export function describeSelection({ rows, ranked }: { readonly rows: ScoredRows; readonly ranked: Uint32Array }): SelectionDescription {
  const { sources, logits, trained } = rows;
  const shares = sourceShares({ sources, selected: ranked });
  const trainedOf = (source: string): number => ranked.reduce((sum, row) => sum + (sources[row] === source && trained?.[row] === 1 ? 1 : 0), 0);
  return {
    rows: sources.length,
    selectedRows: ranked.length,
    sources: shares.map(({ source, rows: count, selected }) => {
      const selectedTrained = trainedOf(source);
      return { source, rows: count, selectedRows: selected, selectedTrained, selectedUntrained: selected - selectedTrained };
    }),
    ...(logits === undefined ? {} : { histogram: histogram({ sources, logits, names: shares.map(({ source }) => source), threshold: logits[ranked[ranked.length - 1]] }) }),
  };
}

function histogram({ sources, logits, names, threshold }: { readonly sources: readonly string[]; readonly logits: Float32Array; readonly names: readonly string[]; readonly threshold: number }): NonNullable<SelectionDescription['histogram']> {
  let low = Infinity;
  let high = -Infinity;
  for (const logit of logits) {
    low = Math.min(low, logit);
    high = Math.max(high, logit);
  }
  const width = (high - low) / BINS || 1;
  const counts = new Map(names.map((name) => [name, Array.from({ length: BINS }, () => 0)]));
  logits.forEach((logit, i) => {
    const bins = counts.get(sources[i]);
    if (bins !== undefined) bins[Math.min(BINS - 1, Math.floor((logit - low) / width))]++;
  });
  return { edges: Array.from({ length: BINS + 1 }, (_, i) => low + i * width), counts: [...counts].map(([source, bins]) => ({ source, counts: bins })), threshold };
}

/** Rows to look at: the best, those on both sides of the border, the worst. Without scores: some chosen and some not. */
export function pickSamples({ rows, ranked }: { readonly rows: ScoredRows; readonly ranked: Uint32Array }): SamplePlaces {
  const chosen = new Set(ranked);
  const { logits } = rows;
  const others = Array.from({ length: rows.ids.length }, (_, i) => i).filter((i) => !chosen.has(i));
  if (logits !== undefined) others.sort((a, b) => logits[b] - logits[a] || a - b);
  const half = SAMPLES / 2;
  return { top: Array.from(ranked.subarray(0, SAMPLES)), border: [...ranked.subarray(Math.max(0, ranked.length - half)), ...others.slice(0, half)], bottom: others.slice(-SAMPLES) };
}
