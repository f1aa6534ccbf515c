export interface SelectedRows {
  /** source of every row that could be chosen, [n] */
  readonly sources: readonly string[];
  /** indices of the chosen ones */
  readonly selected: Uint32Array;
  /** 1 where the row trained the scorer, [n] */
  readonly flagged?: Uint8Array;
}

export interface SourceShare {
  readonly source: string;
  readonly rows: number;
  readonly selected: number;
  /** of all rows */
  readonly share: number;
  /** of the chosen rows; 0 where none is chosen */
  readonly selectedShare: number;
  /** selectedShare / share: 1 is what chance gives */
  readonly lift: number;
}

/** What each source is of the rows and of the selection; sources by name. */
export function sourceShares({ sources, selected }: SelectedRows): SourceShare[] {
  const all = counts(sources);
  const chosen = counts(Array.from(selected, (i) => sources[i]));
  return [...all.keys()].sort().map((source) => {
    const rows = all.get(source) ?? 0;
    const count = chosen.get(source) ?? 0;
    const share = rows / sources.length;
    const selectedShare = selected.length === 0 ? 0 : count / selected.length;
    return { source, rows, selected: count, share, selectedShare, lift: selectedShare / share };
  });
}

export interface Precision {
  /** chosen rows of the wanted source over chosen rows */
  readonly all: number;
  /** the same among chosen rows that did not train the scorer; null where every chosen row did */
  readonly withoutFlagged: number | null;
}

/** Share of the chosen rows that come from `wanted`, with and without the rows that trained the scorer. @see method §6.4 */
export function precision({ sources, selected, flagged, wanted }: SelectedRows & { readonly wanted: string }): Precision {
  const of = (rows: Uint32Array): number => rows.reduce((sum, i) => sum + (sources[i] === wanted ? 1 : 0), 0) / rows.length;
  const unflagged = flagged === undefined ? selected : selected.filter((i) => flagged[i] !== 1);
  return { all: selected.length === 0 ? 0 : of(selected), withoutFlagged: unflagged.length === 0 ? null : of(unflagged) };
}

function counts(names: readonly string[]): Map<string, number> {
  const result = new Map<string, number>();
  for (const name of names) result.set(name, (result.get(name) ?? 0) + 1);
  return result;
}
