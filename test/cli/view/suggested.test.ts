import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { homeOptionOf, withHome } from '../../../cli/suggested.js';
import { bliss } from '../bliss.js';

describe('a command that is suggested', () => {
  test.each([
    ['fix it, then `bliss resume one`', 'fix it, then `bliss resume one --home H`'],
    ['see "bliss logs one seed-0/prepare", fix the cause and "bliss resume one"', 'see "bliss logs one seed-0/prepare --home H", fix the cause and "bliss resume one --home H"'],
    ['the loss is NaN. When that is fixed: bliss resume one', 'the loss is NaN. When that is fixed: bliss resume one --home H'],
    ['take round 1 or 2, or see how far it is: bliss status one', 'take round 1 or 2, or see how far it is: bliss status one --home H'],
    ['three took too long: bliss logs one; bliss dev --port 7333\nbliss doctor', 'three took too long: bliss logs one --home H; bliss dev --port 7333 --home H\nbliss doctor --home H'],
    ['if the configuration must change, run it again with `bliss run`: finished stages that still fit are used', 'if the configuration must change, run it again with `bliss run --home H`: finished stages that still fit are used'],
    ['a run may be called it: bliss status it', 'a run may be called it: bliss status it --home H'],
    // those that have it, and what is no command
    ['then: bliss resume one --home H (finished stages stay)', 'then: bliss resume one --home H (finished stages stay)'],
    ['go on by `bliss resume one --home H`, or look by `bliss status one`', 'go on by `bliss resume one --home H`, or look by `bliss status one --home H`'],
    ['use that stack (bliss run and bliss status find it), or end it', 'use that stack (bliss run and bliss status find it), or end it'],
    ['arm bliss has run, my-bliss run', 'arm bliss has run, my-bliss run'],
  ])('has the home: %s', (text, wanted) => {
    expect(withHome(text, ' --home H')).toBe(wanted);
    expect(withHome(text, '')).toBe(text);
  });

  test('has it as a shell takes it', () => {
    expect(homeOptionOf("a b's $1")).toBe(` --home 'a b'\\''s $1'`);
    expect(withHome('`bliss status`', homeOptionOf('$& $1'))).toBe("`bliss status --home '$& $1'`");
  });
});

test('every error names the home in what it suggests, given by --home or BLISS_HOME', async () => {
  const home = path.join(mkdtempSync(path.join(os.tmpdir(), 'bliss-suggested-')), 'my home');
  mkdirSync(path.join(home, 'runs', 'one'), { recursive: true });
  writeFileSync(path.join(home, 'runs', 'one', 'run.json'), JSON.stringify({ run: 'one', workflowId: 'one', server: 'local', address: '127.0.0.1:1', namespace: 'default', submittedAt: '2026-01-01T00:00:00Z', configDigest: '' }));
  const taken = ['run', 'smoke', '--name', 'one'];
  const wanted = `fix: go on with it by \`bliss resume one --home '${home}'\``;
  expect((await bliss([...taken, '--home', home])).stderr).toContain(wanted);
  expect((await bliss(taken, { env: { BLISS_HOME: home } })).stderr).toContain(wanted);
  const json = await bliss([...taken, '--home', home, '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ error: { fix: expect.stringContaining(`bliss resume one --home '${home}'`) } });
  expect((await bliss(['logs', 'one', '--home', home])).stderr).toContain(`bliss status one --home '${home}'`);
  // what the commands say themselves has it behind
  expect((await bliss(['status', 'one'], { env: { BLISS_HOME: home } })).stdout).toContain(`bliss resume one --home '${home}'`);
  // the home of the folder one is in is found without
  const folder = path.dirname(home);
  mkdirSync(path.join(folder, '.bliss', 'runs', 'one'), { recursive: true });
  writeFileSync(path.join(folder, '.bliss', 'runs', 'one', 'run.json'), JSON.stringify({ run: 'one', workflowId: 'one', server: 'local', address: '127.0.0.1:1', namespace: 'default', submittedAt: '2026-01-01T00:00:00Z', configDigest: '' }));
  expect((await bliss(taken, { cwd: folder })).stderr).toContain('`bliss resume one`');
});
