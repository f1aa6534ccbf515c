import { expect, test } from 'vitest';
import { interruptionsBefore, lostInARow, withInterruption, type HeartbeatDetails } from '../../activities/interruptions.js';

const beat = (attempt: number, change: Partial<HeartbeatDetails> = {}): HeartbeatDetails => ({ scheduling: 'run/stage/1', attempt, interruptions: [], step: 0, of: 10, checkpoint: null, crashes: 0, ...change });

test('attempts whose workers are lost count in a row, those too that were lost before their first heartbeat', () => {
  expect(lostInARow(undefined, 1)).toBe(0);
  expect(lostInARow(beat(1), 2)).toBe(1);
  expect(lostInARow(beat(2, { lost: 1 }), 3)).toBe(2);
  expect(lostInARow(beat(2, { lost: 1 }), 5)).toBe(4);
  // of an earlier version, which did not count
  expect(lostInARow(beat(17), 18)).toBe(1);
});

test('an attempt that told how it ended is none that was lost', () => {
  const told = beat(2, { lost: 1 });
  const preempted = { ...told, interruptions: withInterruption(told, { code: 'Preempted', message: 'told to stop' }) };
  expect(lostInARow(preempted, 3)).toBe(0);
  expect(interruptionsBefore(preempted).map(({ code }) => code)).toEqual(['Preempted']);
  expect(interruptionsBefore(told).map(({ attempt, code }) => [attempt, code])).toEqual([[2, 'WorkerLost']]);
});

test('heartbeats keep the newest twenty interruptions, however many there were, and of what each says the first 400 characters', () => {
  let details = beat(1);
  for (let attempt = 1; attempt <= 30; attempt++) details = { ...details, attempt, interruptions: withInterruption({ ...details, attempt }, { code: 'Preempted', message: `${attempt} ${'long '.repeat(200)}` }) };
  expect(details.interruptions.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 20 }, (_, i) => 11 + i));
  expect(details.interruptions.map(({ message }) => message.length)).toEqual(new Array(20).fill(400));
  expect(details.interruptions[19].message).toMatch(/^30 long /);
});
