import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { claimRunFolder } from '../../cli/runs.js';
import { runChecks } from '../../cli/doctor/checks.js';
import { openHome, type Home } from '../../lib/home.js';
import { makeHome } from '../../lib/home-folder.js';
import { freePort } from '../../workers/ports.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import { startTemporalServer, type TemporalServer } from '../../workers/temporal-server.js';
import { mustRunBehind } from '../needs/machine.js';

const modeOf = (file: string): string => (statSync(file).mode & 0o777).toString(8);
const place = (): Home => openHome(path.join(mkdtempSync(path.join(os.tmpdir(), 'bliss-modes-')), 'deep', 'home'));

const before = process.umask();
let server: TemporalServer | undefined;
afterEach(async () => {
  process.umask(before);
  await server?.supervisor.stop(5_000);
  server = undefined;
});
const serve = async (home: Home): Promise<void> => {
  server = await startTemporalServer({ home, binary: requireTemporalBinary(), port: await freePort(), uiPort: await freePort(), onEvent: () => undefined });
};
const databases = (home: Home): string[] => readdirSync(home.root).filter((name) => name.startsWith('temporal.db')).map((name) => path.join(home.root, name));

test.each([0o022, 0o000, 0o077])('a home is made for its owner alone under umask %s, whichever command makes it; its parents are as the umask has them', (umask) => {
  process.umask(umask);
  const [made, claimed] = [place(), place()];
  makeHome(made);
  claimRunFolder(claimed, 'mine');
  for (const home of [made, claimed]) {
    expect(modeOf(home.root)).toBe('700');
    expect(modeOf(path.dirname(home.root))).toBe((0o777 & ~umask).toString(8));
  }
});

test('a home that is there keeps its mode: a group may share it on purpose, and doctor says so', async () => {
  const home = place();
  mkdirSync(home.root, { recursive: true });
  chmodSync(home.root, 0o750);
  makeHome(home);
  expect(modeOf(home.root)).toBe('750');
  const look = async () => (await runChecks(home)).find(({ name }) => name === 'Home');
  expect(await look()).toMatchObject({ state: 'warning', found: expect.stringContaining('other users may look into it'), fix: expect.stringContaining('chmod go-rwx') });
  chmodSync(home.root, 0o700);
  expect(await look()).toMatchObject({ state: 'ok' });
}, 60_000);

test('the server’s database is for its owner alone, made in a home that all may enter, and found there as an earlier version made it', async () => {
  process.umask(0o022);
  const home = place();
  mkdirSync(home.root, { recursive: true });
  await serve(home);
  expect(databases(home).map((file) => [path.basename(file), modeOf(file)])).toEqual(expect.arrayContaining([['temporal.db', '600'], ['temporal.db-wal', '600']]));
  expect(process.umask()).toBe(0o022);
  await server?.supervisor.stop(5_000);
  for (const file of databases(home)) chmodSync(file, 0o644);
  await serve(home);
  for (const file of databases(home)) expect(modeOf(file), file).toBe('600');
}, 90_000);

test('another user of the machine reads neither a run nor the database', (context) => {
  const asOther = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--'] as const;
  mustRunBehind(context, asOther);
  process.umask(0o022);
  const home = place();
  chmodSync(path.dirname(path.dirname(home.root)), 0o755);
  claimRunFolder(home, 'mine');
  const as = (file: string) => spawnSync(asOther[0], [...asOther.slice(1), 'ls', file], { encoding: 'utf8' });
  expect(as(path.dirname(home.root)).status).toBe(0);
  expect(as(home.run('mine').root).stderr).toContain('Permission denied');
});
