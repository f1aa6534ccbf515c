import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findProcess } from '../../bench/chaos/processes.js';
import { readJson } from '../../cli/runs.js';
import { openHome, type StageProgressFile } from '../../lib/home.js';
import { ID_HEADER, SIGNATURE_HEADER, type Notice } from '../../lib/notices/index.js';
import { place, start, until } from '../cli/bliss.js';

const BILEVEL = 'seed-0/bliss/round-1/bilevel';
const KEY = 'key-of-signatures';
const SECRET_PATH = 'secret-path';
const NOTICES = JSON.stringify({ events: ['preempted', 'done'], webhook: { urlVariable: 'BLISS_TEST_HOOK', secretVariable: 'BLISS_TEST_HOOK_KEY' } });
const WAIT_MS = 120_000;

interface Heard {
  readonly notice: Notice;
  readonly id: string | undefined;
  readonly signed: boolean;
}

/** A history with what its payloads hold: they are base64 there. */
const readable = (history: string): string => history + [...history.matchAll(/"data": ?"([^"]+)"/g)].map((match) => Buffer.from(match[1], 'base64').toString('utf8')).join('\n');

test('who wants to know is told of each preemption once, signed, while it happens: a worker told to stop, one killed, and one lost with none to go on, after the worker that tells was taken away too', { timeout: 3 * WAIT_MS }, async () => {
  const heard: Heard[] = [];
  const tries = new Map<string, number>();
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString('utf8')));
    request.on('end', () => {
      const notice = JSON.parse(body) as Notice;
      tries.set(notice.id, (tries.get(notice.id) ?? 0) + 1);
      // it is down at first, each time
      if (tries.get(notice.id) === 1) return response.writeHead(503).end();
      const signature = `sha256=${createHmac('sha256', KEY).update(body).digest('hex')}`;
      heard.push({ notice, id: request.headers[ID_HEADER]?.toString(), signed: request.headers[SIGNATURE_HEADER] === signature });
      return response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const home = openHome(place().home);
  const env = { BLISS_TEST_HOOK: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/${SECRET_PATH}`, BLISS_TEST_HOOK_KEY: KEY };
  const run = start(['run', 'smoke', '--name', 'run', '--json', '--home', home.root, '--set', `notices=${NOTICES}`, '--set', 'bilevel.outerSteps=800'], { env });
  const progress = (): StageProgressFile | undefined => readJson<StageProgressFile>(home.run('run').progress(BILEVEL));
  const runningPast = (step: number, attempt: number) => until(`step ${step} of attempt ${attempt}`, () => {
    if (run.child.exitCode !== null) throw new Error(run.text());
    const stands = progress();
    return stands?.state === 'running' && stands.attempt === attempt && stands.step > step ? true : undefined;
  }, WAIT_MS);
  const worker = (): number => findProcess('GPU worker', home.root) ?? 0;
  const toldOf = (times: number) => until(`notice ${times}`, () => (heard.length >= times ? true : undefined), WAIT_MS);
  try {
    await runningPast(30, 1);
    process.kill(worker(), 'SIGTERM');
    await toldOf(1);
    await runningPast(0, 2);
    process.kill(worker(), 'SIGKILL');
    await toldOf(2);
    await runningPast(0, 3);
    const watching = findProcess('CPU worker', home.root) ?? 0;
    process.kill(watching, 'SIGTERM');
    await until('another CPU worker', () => ((findProcess('CPU worker', home.root) ?? watching) === watching ? undefined : true));
    const still = worker();
    process.kill(still, 'SIGSTOP');
    await toldOf(3);
    expect(progress()).toMatchObject({ attempt: 3 }); // no other goes on: there is no other worker
    process.kill(still, 'SIGKILL');
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(0);
  } finally {
    run.child.kill('SIGKILL');
    await run.ended;
    receiver.close();
  }

  const told = heard.filter(({ notice }) => notice.event === 'preempted');
  expect(told.map(({ notice }) => notice)).toMatchObject([1, 2, 3].map((attempt) => ({ run: 'run', event: 'preempted', stage: BILEVEL, id: `run/${BILEVEL}/1-${attempt}` })));
  expect(told.map(({ notice }) => notice.message)).toEqual([
    expect.stringMatching(/^the worker was told to stop at step \d+ of 800; the next attempt goes on from the checkpoint at step \d+$/),
    ...[2, 3].map(() => expect.stringMatching(/^the worker was killed or lost \(no more heartbeats\) after step \d+ of 800; the next attempt goes on from /)),
  ]);
  for (const { notice, id, signed } of heard) expect({ id, signed }).toEqual({ id: notice.id, signed: true });
  expect(heard.at(-1)?.notice.event).toBe('done');
  expect(heard).toHaveLength(4);
  // neither the address nor the key is in any history
  const histories = readdirSync(home.run('run').history, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));
  expect(histories.length).toBeGreaterThan(10);
  for (const file of histories) {
    const text = readable(readFileSync(path.join(home.run('run').history, file), 'utf8'));
    if (file === 'pipeline.json') expect(text).toContain('BLISS_TEST_HOOK_KEY'); // it is read as it is meant to
    for (const secret of [SECRET_PATH, KEY]) expect(text.includes(secret), `${secret} in ${file}`).toBe(false);
  }
});
