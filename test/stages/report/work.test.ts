import { expect, test } from 'vitest';
import { loadConfig } from '../../../config/index.js';
import { workOf } from '../../../lib/stages/report/work.js';

test('the scoring of a group counts each of its rows once, whatever its shards and ranges are', () => {
  const nothing = { uri: '', sha256: '', size: 0, digest: '' };
  for (const [rowsPerGroup, rowsPerShard, perTask] of [[512, 128, 2], [512, 3, 4], [64, 1, 5], [100, 8192, 4]]) {
    const { config } = loadConfig({ source: 'smoke' });
    const { models, scoring, runtime } = config;
    const data = { ...config.data, rowsPerGroup, rowsPerShard };
    const shards = Math.ceil(rowsPerGroup / rowsPerShard);
    let rows = 0;
    for (let first = 0; first < shards; first += perTask) {
      const range = { first, end: Math.min(shards, first + perTask) };
      rows += workOf('scoring', { models, sequenceLength: data.sequenceLength, batchSize: scoring.batchSize, corpus: nothing, group: 1, shards: range, scorer: nothing, ...runtime }, { ...config, data }).amount;
    }
    expect(rows).toBe(rowsPerGroup);
  }
});
