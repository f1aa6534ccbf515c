import { describe, expect, test } from 'vitest';
import { smallerHalf } from '../../config/halves.js';
import { sampleRows } from '../../lib/data/dataset.js';
import { batchOrder } from '../../lib/data/order.js';
import { ROW_GROUP_ROWS } from '../../lib/data/parquet-write.js';
import { refused } from './given.js';

/** row groups as the corpus's shards have them */
function rowGroups(rowsPerGroup: number, rowsPerShard: number): { start: number; rows: number }[] {
  const groups: { start: number; rows: number }[] = [];
  for (let shard = 0; shard < rowsPerGroup; shard += rowsPerShard) {
    const end = Math.min(rowsPerGroup, shard + rowsPerShard);
    for (let start = shard; start < end; start += ROW_GROUP_ROWS) groups.push({ start, rows: Math.min(end, start + ROW_GROUP_ROWS) - start });
  }
  return groups;
}

describe('two disjoint halves of a group', () => {
  test.each([[64, 1], [64, 2], [64, 3], [65, 16], [512, 128], [5000, 2049], [4096, 8192], [4097, 1025]])('of %d rows in shards of %d have the rows that the checks count on', (rowsPerGroup, rowsPerShard) => {
    const groups = rowGroups(rowsPerGroup, rowsPerShard);
    const half = (index: number, subset?: Uint32Array): number => batchOrder({ groups, seed: 's', part: { of: 2, index }, subset }).rows;
    const whole = smallerHalf({ rowsPerGroup, rowsPerShard, trainingFraction: 1 });
    expect(Math.min(half(0), half(1))).toBe(whole);
    for (const trainingFraction of [0.3, 0.5, 0.9]) {
      for (const seed of ['a', 'b', 'c']) {
        const subset = sampleRows(rowsPerGroup, trainingFraction, seed);
        expect(Math.min(half(0, subset), half(1, subset))).toBeGreaterThanOrEqual(smallerHalf({ rowsPerGroup, rowsPerShard, trainingFraction }));
      }
    }
  });

  test.each([
    ['data: { rowsPerShard: 1 }', 'bilevel.batchSize: found 8, allowed: at most 0, the rows that each of two disjoint halves of the group has (trainingFraction 1 of data.rowsPerGroup 512, in shards of 1); or write data.rowsPerShard: 2, as row groups are halved one by one'],
    ['data: { rowsPerShard: 3 }\nbilevel: { batchSize: 200 }', 'found 200, allowed: at most 171, the rows that each of two disjoint halves of the group has (trainingFraction 1 of data.rowsPerGroup 512, in shards of 3); or write data.rowsPerShard: 4,'],
    ['data: { rowsPerShard: 1 }\nbilevel: { trainingFraction: 0.5 }', 'allowed: at most 0, the rows that each of two disjoint halves of the group has (trainingFraction 0.5 of data.rowsPerGroup 512, in shards of 1); or write data.rowsPerShard: 1024,'],
  ])('that are too small for a minibatch are refused before a run: %j', (text, message) => {
    expect(refused(`extends: smoke\n${text}\n`)).toContain(message);
  });
});
