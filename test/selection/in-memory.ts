import type { RankingRule } from '../../lib/selection/index.js';

/** The rows a rule chooses from; arrays of equal length, one entry a row. */
export interface Candidates {
  readonly ids: readonly string[];
  /** logits before the sigmoid, float32 [n] */
  readonly logits?: Float32Array;
  /** 1 where a row must not be chosen, [n] */
  readonly excluded?: Uint8Array;
}

export interface Select {
  readonly rule: RankingRule;
  readonly candidates: Candidates;
  readonly count: number;
}

/** What selectRows must come to, by a sort of all rows in memory: indices of the chosen rows, best first. */
export function selectInMemory({ rule, candidates: { ids, logits, excluded }, count }: Select): number[] {
  const ofAll = rule.ofAll === undefined ? Number.NaN : (rule.ofAll === 'median' ? medianOf : deviationOf)(logits ?? new Float32Array());
  const keys = ids.map((id, i) => {
    const logit = logits?.[i] ?? Number.NaN;
    return rule.key === undefined ? logit : rule.key({ id, logit, ofAll });
  });
  return ids
    .map((_, i) => i)
    .filter((i) => excluded?.[i] !== 1)
    .sort((a, b) => (keys[a] === keys[b] ? (ids[a] < ids[b] ? -1 : 1) : keys[a] > keys[b] ? -1 : 1))
    .slice(0, count);
}

function medianOf(logits: Float32Array): number {
  const sorted = Float32Array.from(logits).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function deviationOf(logits: Float32Array): number {
  const mean = logits.reduce((sum, logit) => sum + logit, 0) / logits.length;
  return Math.sqrt(logits.reduce((sum, logit) => sum + (logit - mean) ** 2, 0) / logits.length);
}
