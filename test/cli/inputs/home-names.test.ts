import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readJson } from '../../../cli/runs.js';
import { openHome, type Home } from '../../../lib/home.js';
import type { StackInfo } from '../../../workers/home-lock.js';
import { freePort } from '../../../workers/ports.js';
import { bliss, place, start, until } from '../bliss.js';

async function upAndDown(home: Home): Promise<void> {
  const stack = start(['dev', '--home', home.root, '--port', String(await freePort()), '--ui-port', String(await freePort())]);
  try {
    await until(`the stack in ${home.root}`, () => {
      if (stack.child.exitCode !== null) throw new Error(`${home.root}: ${stack.text()}`);
      return readJson<StackInfo>(home.stackFile)?.pid === stack.child.pid ? true : undefined;
    }, 60_000);
    stack.child.kill('SIGTERM');
    expect((await stack.ended).code).toBe(0);
  } finally {
    stack.child.kill('SIGKILL');
  }
}

test('a home by a name that a URI, a glob or a shell would read otherwise keeps its database in itself, and comes up again', { timeout: 240_000 }, async () => {
  const { folder } = place();
  const names = ['a #1 [x]%41', 'q?x=1', 'Läufe 実験', 'a&b;c+d=e', `o'neil "b" $HOME *`, 'back\\slash'];
  for (const name of names) {
    const home = openHome(path.join(folder, name));
    for (const _time of ['first', 'second']) await upAndDown(home);
    expect(existsSync(home.temporalDatabase)).toBe(true);
  }
  expect(readdirSync(folder).sort()).toEqual(names.sort());
});

test('a run goes from raw text to its report in such a home', { timeout: 240_000 }, async () => {
  const home = openHome(path.join(place().folder, 'a #1 [x]%41'));
  const plain = openHome(place().home);
  const [run, beside] = await Promise.all([home, plain].map(({ root }) => bliss(['run', 'smoke', '--json', '--name', 'run', '--home', root])));
  expect(run?.code, run?.stderr).toBe(0);
  const digestsOf = (stdout: string | undefined): unknown => (JSON.parse(stdout ?? '') as { digests: unknown }).digests;
  expect(digestsOf(run?.stdout)).toEqual(digestsOf(beside?.stdout));
  expect(existsSync(home.run('run').report)).toBe(true);
});
