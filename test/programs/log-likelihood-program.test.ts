import { describe, expect, test } from 'vitest';
import { createModel } from '../../lib/models/index.js';
import { createEvaluationProgram, createLogLikelihoodProgram } from '../../lib/programs/index.js';
import { randomStream } from '../../lib/random.js';
import { randomIds, tinyConfig, vocabularySize } from '../models/tiny.js';

describe.each(['eager', 'graph', 'xla'] as const)('the log-likelihood program, %s', (mode) => {
  test('says of any positions and tokens, in any order and number, what the logits of all positions say', async () => {
    const [rows, length] = [3, 8];
    const spec = { model: tinyConfig, vocabularySize, sequenceLength: length, batchSize: rows, mode };
    const weights = createModel(tinyConfig).init({ vocabularySize, seed: 3 });
    const ids = Int32Array.from(randomIds({ rows, length, seed: 5 }).flat());
    const whole = await createEvaluationProgram(spec);
    whole.setState(weights);
    const { negativeLogLikelihood, correct } = whole.evaluate(ids);

    const chosen = await createLogLikelihoodProgram(spec);
    expect(chosen.shapes).toEqual(whole.shapes);
    chosen.setState(weights);
    const random = randomStream('positions', 7);
    // more than a part of three positions holds, some of them twice, and none after a row's last token
    const at = Array.from({ length: 40 }, () => random.below(rows) * length + random.below(length - 1));
    const predicted = chosen.predict({ ids, at: Int32Array.from(at), tokens: Int32Array.from(at, (position) => ids[position + 1]) });
    at.forEach((position, k) => {
      const entry = Math.floor(position / length) * (length - 1) + (position % length);
      expect(predicted.negativeLogLikelihood[k]).toBeCloseTo(negativeLogLikelihood[entry], 5);
      expect(predicted.correct[k]).toBe(correct[entry]);
    });
    // over all tokens the probabilities of one position sum to 1
    const every = chosen.predict({ ids, at: new Int32Array(vocabularySize).fill(9), tokens: Int32Array.from({ length: vocabularySize }, (_, token) => token) });
    expect(every.negativeLogLikelihood.reduce((sum, value) => sum + Math.exp(-value), 0)).toBeCloseTo(1, 5);
    expect(every.correct.reduce((sum, value) => sum + value, 0)).toBe(1);
    whole.dispose();
    chosen.dispose();
  });
});
