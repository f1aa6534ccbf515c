import type { SourceSeparation } from '../../report/index.js';

/** Rows of one source that have the same score. */
export interface EqualRows {
  readonly score: number;
  readonly source: string;
  readonly rows: number;
}

/** Sources of which each has a line; of more, the small ones share one. */
const MOST_SOURCES = 8;

/** The lines that sources are told in. */
export interface SourceLines {
  readonly names: readonly string[];
  lineOf(source: string): number;
}

/** @param first that always have a line of their own, before all others, which come by their rows */
export function sourceLines({ rows, first }: { readonly rows: ReadonlyMap<string, number>; readonly first: readonly string[] }): SourceLines {
  const isFirst = (source: string): boolean => first.includes(source);
  const all = [...rows].sort(([a, n], [b, m]) => Number(isFirst(b)) - Number(isFirst(a)) || m - n || (a < b ? -1 : 1)).map(([source]) => source);
  const own = all.length <= MOST_SOURCES ? all : all.slice(0, Math.max(MOST_SOURCES - 1, all.filter(isFirst).length));
  const names = own.length === all.length ? own : [...own, `${all.length - own.length} other sources`];
  const lines = new Map(own.map((source, line) => [source, line]));
  return { names, lineOf: (source) => lines.get(source) ?? names.length - 1 };
}

/** Number, mean and summed squared deviations of values that come one after the other.  @see Welford (1962) */
class Moments {
  rows = 0;
  squares = 0;
  private mean = 0;

  add(value: number, rows: number): void {
    this.rows += rows;
    const from = value - this.mean;
    this.mean += (from * rows) / this.rows;
    this.squares += rows * from * (value - this.mean);
  }
}

/**
 * How well scores tell sources apart, from rows in ascending order of their scores: for each two sources Mann and Whitney's U, counted and not estimated
 * (halves of whole numbers, exact up to 10⁸ rows), and the deviations within sources. Holds a few numbers a source, whatever the number of rows.
 */
export class SeparationCounts {
  /** [a][b]: pairs in which the row of a has the higher score; equal ones count half */
  private readonly higher: number[][];
  private readonly below: number[];
  private readonly equal: number[];
  private readonly bySource = new Map<string, Moments>();
  private readonly all = new Moments();
  private score = Number.NEGATIVE_INFINITY;

  constructor(private readonly lines: SourceLines) {
    const zeros = (): number[] => lines.names.map(() => 0);
    this.higher = lines.names.map(zeros);
    this.below = zeros();
    this.equal = zeros();
  }

  add({ score, source, rows }: EqualRows): void {
    if (score < this.score) throw new Error(`a score of ${score} comes after one of ${this.score}`);
    if (score > this.score) this.close();
    this.score = score;
    this.equal[this.lines.lineOf(source)] += rows;
    const own = this.bySource.get(source) ?? new Moments();
    this.bySource.set(source, own);
    own.add(score, rows);
    this.all.add(score, rows);
  }

  /** After the last row. */
  result(): Pick<SourceSeparation, 'sources' | 'spread'> {
    this.close();
    const { names, lineOf } = this.lines;
    const total = this.below.reduce((sum, rows) => sum + rows, 0);
    const within = (sources: readonly (readonly [string, Moments])[]): number | null => {
      const rows = sources.reduce((sum, [, one]) => sum + one.rows, 0);
      const squares = sources.reduce((sum, [, one]) => sum + one.squares, 0);
      return share(Math.sqrt(squares / rows), Math.sqrt(this.all.squares / total));
    };
    // in an order of their own, so that sums do not depend on that of equal rows
    const sources = [...this.bySource].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      sources: names.map((source, a) => {
        const rows = this.below[a];
        const overRest = this.higher[a].reduce((sum, pairs, b) => (a === b ? sum : sum + pairs), 0);
        return {
          source,
          rows,
          over: names.map((_, b) => (a === b ? null : share(this.higher[a][b], rows * this.below[b]))),
          overRest: share(overRest, rows * (total - rows)),
          spread: within(sources.filter(([one]) => lineOf(one) === a)),
        };
      }),
      spread: within(sources),
    };
  }

  /** Takes the rows that share the last score into account. */
  private close(): void {
    for (let a = 0; a < this.equal.length; a++) {
      if (this.equal[a] === 0) continue;
      for (let b = 0; b < this.equal.length; b++) this.higher[a][b] += this.equal[a] * (this.below[b] + this.equal[b] / 2);
    }
    for (let a = 0; a < this.equal.length; a++) {
      this.below[a] += this.equal[a];
      this.equal[a] = 0;
    }
  }
}

/** null where there is nothing to share */
const share = (part: number, of: number): number | null => (of > 0 && Number.isFinite(part) ? part / of : null);
