import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readJson } from '../../cli/runs.js';
import { bliss } from '../cli/bliss.js';
import { BILEVEL, numericsHome, OTHER_MACHINE, THREADS } from './numerics-runs.js';

const { root, home, finished, interrupted } = numericsHome();

test('numerics: continue goes on and says from which step the result is not bit-comparable, in log, status, manifest and report', async () => {
  const step = await interrupted('goes-on', ['bilevel.outerSteps=60']);
  const { code, stderr } = await bliss(['resume', 'goes-on', '--home', root, '--json'], { env: OTHER_MACHINE });
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  const note = `not bit-comparable from step ${step} on`;
  expect(readFileSync(home.run('goes-on').log(BILEVEL), 'utf8')).toContain(`numerics changed: ${note}: device was 'threads=${THREADS}', is 'threads=${THREADS + 1}'`);
  expect((await bliss(['status', 'goes-on', '--home', root])).stdout).toMatch(new RegExp(`✓ ${BILEVEL} .*${note}`));
  const summary = finished('goes-on')?.results[0].summary;
  expect(summary?.['note']).toContain(note);
  const manifest = path.join(home.store, (finished('goes-on')?.results[0].ref.uri ?? '').slice('store:'.length));
  expect(readJson<{ readonly summary: object }>(manifest)?.summary).toEqual(summary);
  const report = readFileSync(home.run('goes-on').report, 'utf8');
  expect(report).toContain(`${BILEVEL} is ${note}`);
  expect(report).toMatch(/numerics fingerprint changed<\/td><td[^>]*><code[^>]*>in 1 of \d trained states/);
}, 120_000);
