import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { requireTemporalBinary } from '../../../workers/temporal-binary.js';
import { bliss, place } from '../bliss.js';

test('without flock doctor and run say what to install, and no server is started', async () => {
  const { home } = place();
  const env = { PATH: '/nowhere', TEMPORAL_CLI_PATH: requireTemporalBinary().file };
  const doctor = await bliss(['doctor', '--home', home], { env });
  expect(doctor).toMatchObject({ code: 1, stdout: expect.stringMatching(/-- +Home +.*`flock`.*fix: install util-linux/) });
  const run = await bliss(['run', 'smoke', '--home', home, '--json'], { env });
  expect(run.code).toBe(1);
  expect(JSON.parse(run.stdout)).toMatchObject({ error: { code: 'NotSetUp', fix: expect.stringContaining('util-linux') } });
  expect(existsSync(`${home}/temporal.db`)).toBe(false);
}, 60_000);
