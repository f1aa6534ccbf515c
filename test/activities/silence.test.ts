import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { watchSilence } from '../../activities/silence.js';

function watch(timeout: number, start = 0) {
  let beats = 0;
  const silences: number[] = [];
  const silence = watchSilence({ heartbeat: () => (beats += 1), onSilent: (seconds) => silences.push(seconds), timeout, start });
  return { silence, beats: () => beats, silences };
}

test('a trainer that says nothing for longer than it may is told of once, and the worker goes on beating until it has ended', { timeout: 10_000 }, async () => {
  const { silence, beats, silences } = watch(2);
  await wait(1_300);
  silence.heard(0);
  await wait(1_300);
  expect(silences).toEqual([]);
  await wait(2_000);
  expect(silences).toHaveLength(1);
  const before = beats();
  await wait(1_100);
  expect(beats()).toBeGreaterThan(before);
  silence.end();
  const after = beats();
  await wait(700);
  expect(beats()).toBe(after);
});

test('what it may take beside its steps counts from its last word: its start, or a program that is compiled', { timeout: 10_000 }, async () => {
  const starting = watch(0.5, 3);
  const compiling = watch(0.5);
  compiling.silence.heard(3);
  await wait(1_000);
  compiling.silence.heard(); // a word between leaves it what it may take
  await wait(1_200);
  expect([starting.silences, compiling.silences]).toEqual([[], []]);
  compiling.silence.heard(0);
  await wait(2_000);
  expect(starting.silences).toHaveLength(1);
  expect(compiling.silences).toHaveLength(1);
  starting.silence.end();
  compiling.silence.end();
});

test('a worker that stood still itself does not take that for its trainer’s silence', { timeout: 10_000 }, async () => {
  const { silence, silences } = watch(2);
  const until = performance.now() + 4_000;
  while (performance.now() < until); // as SIGSTOP does, or a machine that sleeps
  await wait(700); // its trainer's words are read meanwhile
  silence.heard(0);
  await wait(300);
  expect(silences).toEqual([]);
  silence.end();
});
