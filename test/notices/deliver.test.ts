import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { mkdtempSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noticesSchema } from '../../config/sections/notices.js';
import { BlissError } from '../../lib/errors.js';
import { deliverNotice, ID_HEADER, SIGNATURE_HEADER, type Notice } from '../../lib/notices/index.js';

const notice: Notice = { id: 'run-id/1', run: 'mine', event: 'failed', message: 'bilevel: a loss of NaN', at: '2026-11-25T03:00:00.000Z' };

describe('by webhook', () => {
  const notices = noticesSchema.parse({ webhook: { urlVariable: 'HOOK', secretVariable: 'HOOK_KEY' } });
  let server: Server;
  let answer = 200;
  const heard: { readonly request: IncomingMessage; readonly body: string }[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString('utf8')));
      request.on('end', () => {
        heard.push({ request, body });
        response.writeHead(answer).end('words');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => server.close());
  const HOOK = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path`;
  const deliver = (environment: NodeJS.ProcessEnv) => deliverNotice({ notice, channel: 'webhook', notices, environment });

  test('a signed POST of JSON, with an id that tries share', async () => {
    await deliver({ HOOK: HOOK(), HOOK_KEY: 'key' });
    const [{ request, body }] = heard;
    expect(request.method).toBe('POST');
    expect(JSON.parse(body)).toEqual(notice);
    expect(request.headers[ID_HEADER]).toBe('run-id/1');
    expect(request.headers[SIGNATURE_HEADER]).toBe(`sha256=${createHmac('sha256', 'key').update(body).digest('hex')}`);
  });

  test('what may pass is an error to try again after; what will not, or a missing variable, is one to mend', async () => {
    const environment = { HOOK: HOOK(), HOOK_KEY: 'key' };
    for (answer of [500, 503, 429]) await expect(deliver(environment)).rejects.not.toBeInstanceOf(BlissError);
    for (answer of [400, 401, 404]) await expect(deliver(environment)).rejects.toBeInstanceOf(BlissError);
    await expect(deliver({ HOOK_KEY: 'key' })).rejects.toThrow('notices.webhook.urlVariable: the environment variable HOOK is not set where the CPU worker runs; set it and start the stack again');
    await expect(deliver({ HOOK: HOOK() })).rejects.toThrow('HOOK_KEY');
  });

  test('an address that does not answer is not told of in the error, which goes into histories', async () => {
    const error: unknown = await deliver({ HOOK: 'http://127.0.0.1:1/secret-path', HOOK_KEY: 'key' }).catch((reason: unknown) => reason);
    expect(error).not.toBeInstanceOf(BlissError);
    expect(String(error)).toContain('could not be reached');
    expect(String(error)).not.toContain('secret-path');
  });
});

describe('by command', () => {
  const deliver = (command: readonly string[], timeoutMs = 5_000) => deliverNotice({ notice, channel: 'command', notices: noticesSchema.parse({ command }), environment: process.env, timeoutMs });

  test('gets the notice as JSON on standard input', async () => {
    const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'bliss-notice-')), 'told');
    await deliver(['sh', '-c', `cat > ${file}`]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(notice);
  });

  test('one that fails or hangs is tried again, one that is not there is not; one that reads nothing is fine', async () => {
    await expect(deliver(['sh', '-c', 'echo no >&2; exit 3'])).rejects.toThrow('the command ended with code 3: no');
    await expect(deliver(['sleep', '60'], 300)).rejects.toThrow('the command ended with SIGKILL');
    await expect(deliver(['/no/such/program'])).rejects.toBeInstanceOf(BlissError);
    await deliver(['true']);
  });
});
