export interface ChosenRows {
  /** source of every row that could be chosen, [n] */
  readonly sources: readonly string[];
  /** indices of the chosen ones */
  readonly selected: Uint32Array;
  /** 1 where the row trained the scorer, [n] */
  readonly flagged?: Uint8Array;
}

export interface Precision {
  /** chosen rows of the wanted source over chosen rows */
  readonly all: number;
  /** the same among chosen rows that did not train the scorer; null where every chosen row did */
  readonly withoutFlagged: number | null;
}

/** Share of the chosen rows that come from `wanted`, with and without the rows that trained the scorer. @see method §6.4 */
export function precision({ sources, selected, flagged, wanted }: ChosenRows & { readonly wanted: string }): Precision {
  const of = (rows: Uint32Array): number => rows.reduce((sum, i) => sum + (sources[i] === wanted ? 1 : 0), 0) / rows.length;
  const unflagged = flagged === undefined ? selected : selected.filter((i) => flagged[i] !== 1);
  return { all: selected.length === 0 ? 0 : of(selected), withoutFlagged: unflagged.length === 0 ? null : of(unflagged) };
}
