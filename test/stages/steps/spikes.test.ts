import { expect, test } from 'vitest';
import { randomStream } from '../../../lib/random.js';
import { SpikeDetector } from '../../../lib/stages/steps/spikes.js';

const settings = { window: 4, deviations: 2 };

test('the limit is the mean of the window and so many of its sample standard deviations: worked out by hand', () => {
  const detector = new SpikeDetector(settings);
  const limits = [1, 3, 2, 2, 3.6].map((loss) => {
    detector.add(loss);
    return detector.limit;
  });
  expect(limits[0]).toBeUndefined();
  expect(limits[1]).toBeCloseTo(2 + 2 * Math.sqrt(2 / 1), 12); // of 1, 3
  expect(limits[2]).toBeCloseTo(2 + 2 * Math.sqrt(2 / 2), 12); // of 1, 3, 2
  expect(limits[3]).toBeCloseTo(2 + 2 * Math.sqrt(2 / 3), 12); // of 1, 3, 2, 2
  expect(limits[4]).toBeCloseTo(2.65 + 2 * Math.sqrt(1.87 / 3), 12); // of 3, 2, 2, 3.6: the first has left
});

test('judges from half a window on, and of a window of 7 from 4 losses on', () => {
  const detector = new SpikeDetector({ window: 7, deviations: 6 });
  const judged = Array.from({ length: 6 }, (_, i) => {
    detector.add(i);
    return detector.limit !== undefined;
  });
  expect(judged).toEqual([false, false, false, true, true, true]);
});

test('fed with the last window alone it has the very limit of one that saw everything', () => {
  const next = randomStream('spikes');
  const losses = Array.from({ length: 500 }, (_, i) => 3 + 5 / (i + 1) + next.uniform());
  const whole = new SpikeDetector({ window: 32, deviations: 6 });
  losses.forEach((loss, i) => {
    whole.add(loss);
    const resumed = new SpikeDetector({ window: 32, deviations: 6 });
    for (const seen of losses.slice(Math.max(0, i - 31), i + 1)) resumed.add(seen);
    expect(resumed.limit).toBe(whole.limit);
  });
});

test('losses that only fall, as at the start of training, are no spikes; one that leaps from among noise is', () => {
  const next = randomStream('noise');
  const detector = new SpikeDetector({ window: 128, deviations: 6 });
  let above = 0;
  for (let i = 0; i < 2_000; i++) {
    const loss = 2.5 + 8 * Math.exp(-i / 150) + 0.2 * (next.uniform() - 0.5);
    if (detector.limit !== undefined && loss > detector.limit) above++;
    detector.add(loss);
  }
  expect(above).toBe(0);
  expect(detector.limit).toBeGreaterThan(2.6); // the largest that the noise gives
  expect(detector.limit).toBeLessThan(3);
});
