import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { noticesSchema } from '../../config/sections/notices.js';
import { BlissError } from '../../lib/errors.js';
import { deliverNotice, noticeCommand, noticeFaults, type Notice } from '../../lib/notices/index.js';

const notice: Notice = { id: 'run-id/1', run: 'mine', event: 'failed', message: 'bilevel: a loss of NaN', at: '2026-11-25T03:00:00.000Z' };
const folder = (): string => mkdtempSync(path.join(os.tmpdir(), 'bliss-notice-'));
const environment = (command: string | readonly string[] | undefined, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  ...more,
  ...(command === undefined ? {} : { BLISS_NOTICE_COMMAND: typeof command === 'string' ? command : JSON.stringify(command) }),
});

describe('the worker’s own program', () => {
  const deliver = (command: string | readonly string[] | undefined, { timeoutMs = 5_000, more = {} }: { readonly timeoutMs?: number; readonly more?: NodeJS.ProcessEnv } = {}) =>
    deliverNotice({ notice, channel: 'command', notices: noticesSchema.parse({ command: true }), environment: environment(command, more), timeoutMs });

  test('gets the notice as JSON on standard input, named as a list or as the path of a script', async () => {
    const file = path.join(folder(), 'told');
    await deliver(['sh', '-c', 'cat > "$0"', file]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(notice);
    const script = path.join(folder(), 'tell people');
    const told = path.join(folder(), 'told');
    writeFileSync(script, `#!/bin/sh\ncat > '${told}'\n`);
    chmodSync(script, 0o700);
    await deliver(script);
    expect(JSON.parse(readFileSync(told, 'utf8'))).toEqual(notice);
  });

  test('has a small environment: what finds programs and what is named for it, and none of the worker’s tokens', async () => {
    const file = path.join(folder(), 'environment');
    await deliver(['sh', '-c', 'env > "$0"', file], { more: { HOME: '/home/me', HF_TOKEN: 'hf', AWS_SECRET_ACCESS_KEY: 'aws', LD_PRELOAD: '', NODE_OPTIONS: '', BLISS_WEBHOOK_KEY: 'key', BLISS_NOTICE_TOKEN: 'for it' } });
    const names = readFileSync(file, 'utf8').split('\n').flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []);
    expect(names).toEqual(expect.arrayContaining(['PATH', 'HOME', 'BLISS_NOTICE_TOKEN']));
    expect(names.filter((name) => /HF_|AWS|LD_|NODE_|WEBHOOK/.test(name))).toEqual([]);
  });

  test('one that fails or hangs is tried again, one that is not there is not; one that reads nothing is fine', async () => {
    await expect(deliver(['sh', '-c', 'echo no >&2; exit 3'])).rejects.toThrow('the command ended with code 3: no');
    await expect(deliver(['sleep', '60'], { timeoutMs: 300 })).rejects.toThrow('the command ended with SIGKILL');
    expect(await deliver(['/no/such/program']).catch((error: unknown) => error)).toBeInstanceOf(BlissError);
    await deliver('true');
  });

  test.each([
    ['nothing', undefined, 'the environment variable BLISS_NOTICE_COMMAND is not set where the CPU worker runs'],
    ['a shell’s words', '/bin/echo --channel training', 'write program and arguments as a JSON list: ["/bin/echo","--channel","training"]'],
    ['a list that is none', '["tell", 3]', 'BLISS_NOTICE_COMMAND is no JSON list of texts'],
    ['an empty list', '[]', 'BLISS_NOTICE_COMMAND is no JSON list of texts'],
    ['a path from nowhere', './tell', 'BLISS_NOTICE_COMMAND names no program that can be run: ./tell; give its absolute path'],
    ['a folder', os.tmpdir(), 'BLISS_NOTICE_COMMAND names no program that can be run'],
    ['a name in no folder of PATH', 'no-such-program', 'BLISS_NOTICE_COMMAND names no program that can be run: no-such-program'],
  ])('%s in its place is said before anything runs, with the fix', (_what, written, message) => {
    const error = (() => {
      try {
        return noticeCommand(environment(written));
      } catch (reason) {
        return reason;
      }
    })();
    expect(error).toMatchObject({ code: 'ConfigInvalid', where: 'notices.command' });
    expect(String(error)).toContain(message);
  });
});

describe('a program that a run names', () => {
  test('is not run, whatever else the worker is set to run, and that is said for good', async () => {
    const [theirs, ours] = [path.join(folder(), 'theirs'), path.join(folder(), 'ours')];
    const error: unknown = await deliverNotice({ notice, channel: 'command', notices: { events: ['failed'], command: ['touch', theirs] }, environment: environment(['touch', ours]) }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BlissError);
    expect(String(error)).toContain('notices.command: this run names the program itself, and no program that a run names is run; set BLISS_NOTICE_COMMAND where the CPU worker runs');
    expect([theirs, ours].map(existsSync)).toEqual([false, false]);
  });

  test('is refused in a configuration, and false is no command', () => {
    expect(noticesSchema.safeParse({ command: ['tell'] }).success).toBe(false);
    expect(noticesSchema.safeParse({ command: 'tell' }).success).toBe(false);
    expect(noticesSchema.parse({ command: false })).toMatchObject({ command: false });
  });
});

test('what would keep people from hearing is found before a run is begun, of both channels', () => {
  const notices = noticesSchema.parse({ webhook: { urlVariable: 'BLISS_HOOK' }, command: true });
  expect(noticeFaults({ notices, environment: environment(undefined) }).map(({ where }) => where)).toEqual(['notices.webhook.urlVariable', 'notices.command']);
  expect(noticeFaults({ notices, environment: environment('true', { BLISS_HOOK: 'https://example.org/hook' }) })).toEqual([]);
  expect(noticeFaults({ notices: { events: ['done'], command: ['tell'] }, environment: environment('true') }).map(({ bare }) => bare)).toEqual(['this run names the program itself, and no program that a run names is run']);
});
