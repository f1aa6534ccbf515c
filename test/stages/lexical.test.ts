import { expect, test } from 'vitest';
import { call, prepared } from './small-home.js';

test('a classifier is trained in a phase of its own, for which its worker answers', async () => {
  const { ref: corpus } = await prepared();
  const phases: string[] = [];
  const learn = (method: 'dsir' | 'quality-classifier') => call('lexical', { method, corpus, group: 1, seed: '0' }, { onPhase: async (phase) => void phases.push(phase) });
  await learn('quality-classifier');
  expect(phases).toContain('training the classifier');
  phases.length = 0;
  await learn('dsir');
  expect(phases).not.toContain('training the classifier');
});
