/** Rows of a row group of the corpus's shards: lib/data, which may not be read here. */
const ROW_GROUP_ROWS = 1_024;

export interface HalvedRows {
  readonly rowsPerGroup: number;
  readonly rowsPerShard: number;
  /** share of the rows that the scorer learns from */
  readonly trainingFraction: number;
}

/**
 * Rows that either of two disjoint halves surely has. Each row group is dealt out by itself, so that of an odd number of rows the first half gets the one
 * more; where a sample is taken any row group may have an odd number.  @see method §6.5
 */
export function smallerHalf({ rowsPerGroup, rowsPerShard, trainingFraction }: HalvedRows): number {
  const full = Math.floor(rowsPerGroup / rowsPerShard);
  const rest = rowsPerGroup % rowsPerShard;
  if (trainingFraction === 1) return (rowsPerGroup - full * (rowsPerShard % 2) - (rest % 2)) / 2; // full row groups are even
  const rowGroups = full * Math.ceil(rowsPerShard / ROW_GROUP_ROWS) + Math.ceil(rest / ROW_GROUP_ROWS);
  const rows = Math.floor(rowsPerGroup * trainingFraction + 1e-9);
  return Math.floor((rows - Math.min(rows, rowGroups)) / 2);
}

/** A larger shard with which a half has that many rows; undefined where none does. */
export const shardForHalf = (of: HalvedRows, rows: number): number | undefined => [of.rowsPerShard + 1, ROW_GROUP_ROWS, of.rowsPerGroup].find((rowsPerShard) => rowsPerShard > of.rowsPerShard && smallerHalf({ ...of, rowsPerShard }) >= rows);
