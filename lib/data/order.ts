import { permutation } from '../random.js';

export interface BatchOrderParams {
  /** row groups in stored order: index of the first row, number of rows */
  readonly groups: readonly { readonly start: number; readonly rows: number }[];
  readonly seed: string;
  readonly part: { readonly of: number; readonly index: number } | undefined;
  /** ascending row indices */
  readonly subset: Uint32Array | undefined;
}

/** The endless order of rows that training goes by, epoch after epoch. */
export interface BatchOrder {
  /** rows of one epoch */
  readonly rows: number;
  /** positions [at, at + count) of the order: row group, and row within it */
  take(at: number, count: number): { readonly group: number; readonly row: number }[];
}

/**
 * Every epoch permutes the row groups and the rows within each, so that a batch needs few groups; a pure function of
 * (seed, epoch, position). Parts are fixed by the row alone, whatever the seed: cursors of different parts never share one.
 */
export function batchOrder({ groups, seed, part, subset }: BatchOrderParams): BatchOrder {
  const eligible = eligibleRows(groups, part, subset);
  const rows = eligible.reduce((sum, list) => sum + list.length, 0);

  let current: { readonly epoch: number; readonly groups: Uint32Array; readonly starts: readonly number[] } | undefined;
  const epochOf = (epoch: number): NonNullable<typeof current> => {
    if (current?.epoch === epoch) return current;
    const order = permutation(groups.length, seed, 'epoch', epoch, 'groups');
    const starts: number[] = [];
    let start = 0;
    for (const group of order) {
      starts.push(start);
      start += eligible[group].length;
    }
    return (current = { epoch, groups: order, starts });
  };
  const within = new Map<string, Uint32Array>();
  const rowsWithin = (epoch: number, group: number): Uint32Array => {
    const key = `${epoch}/${group}`;
    let order = within.get(key);
    if (order === undefined) {
      order = permutation(eligible[group].length, seed, 'epoch', epoch, 'group', group);
      // a batch walks through few groups; forgetting the others keeps memory small
      if (within.size > 16) within.clear();
      within.set(key, order);
    }
    return order;
  };

  return {
    rows,
    take: (at, count) => {
      const taken: { group: number; row: number }[] = [];
      for (let position = at; position < at + count; position++) {
        const epoch = Math.floor(position / rows);
        const offset = position - epoch * rows;
        const { groups: order, starts } = epochOf(epoch);
        const place = lastAtMost(starts, offset);
        const group = order[place];
        taken.push({ group, row: eligible[group][rowsWithin(epoch, group)[offset - starts[place]]] });
      }
      return taken;
    },
  };
}

/** Rows within each group that take part, ascending. */
function eligibleRows(groups: BatchOrderParams['groups'], part: BatchOrderParams['part'], subset: Uint32Array | undefined): Uint32Array[] {
  let next = 0;
  return groups.map(({ start, rows }, group) => {
    let list: Uint32Array;
    if (subset === undefined) {
      list = Uint32Array.from({ length: rows }, (_, i) => i);
    } else {
      const from = next;
      while (next < subset.length && subset[next] < start + rows) next++;
      list = subset.slice(from, next).map((row) => row - start);
    }
    if (part === undefined || part.of === 1) return list;
    // dealt out after a fixed shuffle, so that parts are as even as they can be
    const dealt = permutation(list.length, 'part', group);
    return list.filter((_, i) => dealt[i] % part.of === part.index);
  });
}

/** Index of the last start that is ≤ offset: of groups without rows the one after them. */
function lastAtMost(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
