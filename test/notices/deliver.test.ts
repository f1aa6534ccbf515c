import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noticesSchema } from '../../config/sections/notices.js';
import { BlissError } from '../../lib/errors.js';
import { deliverNotice, ID_HEADER, SIGNATURE_HEADER, type Notice } from '../../lib/notices/index.js';

const notice: Notice = { id: 'run-id/1', run: 'mine', event: 'failed', message: 'bilevel: a loss of NaN', at: '2026-11-25T03:00:00.000Z' };

describe('by webhook', () => {
  const notices = noticesSchema.parse({ webhook: { urlVariable: 'BLISS_HOOK', secretVariable: 'BLISS_HOOK_KEY' } });
  let server: Server;
  let answer = 200;
  let elsewhere = '';
  const heard: { readonly request: IncomingMessage; readonly body: string }[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString('utf8')));
      request.on('end', () => {
        heard.push({ request, body });
        response.writeHead(answer, answer >= 300 && answer < 400 ? { location: elsewhere } : {}).end('words');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => server.close());
  const HOOK = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path`;
  const deliver = (environment: NodeJS.ProcessEnv) => deliverNotice({ notice, channel: 'webhook', notices, environment });

  test('a signed POST of JSON, with an id that tries share', async () => {
    await deliver({ BLISS_HOOK: HOOK(), BLISS_HOOK_KEY: 'key' });
    const [{ request, body }] = heard;
    expect(request.method).toBe('POST');
    expect(JSON.parse(body)).toEqual(notice);
    expect(request.headers[ID_HEADER]).toBe('run-id/1');
    expect(request.headers[SIGNATURE_HEADER]).toBe(`sha256=${createHmac('sha256', 'key').update(body).digest('hex')}`);
  });

  test('what may pass is an error to try again after; what will not, or a missing variable, is one to fix', async () => {
    const environment = { BLISS_HOOK: HOOK(), BLISS_HOOK_KEY: 'key' };
    for (answer of [500, 503, 429]) await expect(deliver(environment)).rejects.not.toBeInstanceOf(BlissError);
    for (answer of [400, 401, 404]) await expect(deliver(environment)).rejects.toBeInstanceOf(BlissError);
    await expect(deliver({ BLISS_HOOK_KEY: 'key' })).rejects.toThrow('notices.webhook.urlVariable: the environment variable BLISS_HOOK is not set where the CPU worker runs; set it and start the stack again');
    await expect(deliver({ BLISS_HOOK: HOOK() })).rejects.toThrow('BLISS_HOOK_KEY');
  });

  test('an address that does not answer is not told of in the error, which goes into histories', async () => {
    const error: unknown = await deliver({ BLISS_HOOK: 'http://127.0.0.1:1/secret-path', BLISS_HOOK_KEY: 'key' }).catch((reason: unknown) => reason);
    expect(error).not.toBeInstanceOf(BlissError);
    expect(String(error)).toContain('could not be reached');
    expect(String(error)).not.toContain('secret-path');
  });

  test('a redirect is followed nowhere, not even on the same machine: body and signature stay with the address that was given', async () => {
    const reached: string[] = [];
    const other = createServer((request, response) => {
      reached.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}/elsewhere`;
    try {
      for (answer of [301, 302, 303, 307, 308]) {
        const error: unknown = await deliver({ BLISS_HOOK: HOOK(), BLISS_HOOK_KEY: 'key' }).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(BlissError);
        expect(String(error)).toContain(`the webhook answered ${answer}: its address has moved, and nothing is sent on to another one; set BLISS_HOOK to the new address`);
        expect(String(error)).not.toContain('elsewhere');
      }
      expect(reached).toEqual([]);
    } finally {
      other.close();
    }
  });

  test('a run may name variables of BLISS_ only, whatever its configuration went through: no other is read, as address or as key', async () => {
    heard.length = 0;
    answer = 200;
    const environment = { AWS_SECRET_ACCESS_KEY: 'aws', SLACK_URL: HOOK(), BLISS_HOOK: HOOK() };
    const submitted = (webhook: { readonly urlVariable: string; readonly secretVariable?: string }) => deliverNotice({ notice, channel: 'webhook', notices: { events: ['failed'], webhook }, environment });
    await expect(submitted({ urlVariable: 'SLACK_URL' })).rejects.toThrow('notices.webhook.urlVariable: SLACK_URL is not read: a run may name variables that begin with BLISS_');
    await expect(submitted({ urlVariable: 'BLISS_HOOK', secretVariable: 'AWS_SECRET_ACCESS_KEY' })).rejects.toThrow('notices.webhook.secretVariable: AWS_SECRET_ACCESS_KEY is not read');
    expect(heard).toEqual([]);
    await submitted({ urlVariable: 'BLISS_HOOK' });
    expect(heard).toHaveLength(1);
  });

  test.each(['not an address', 'file:///etc/passwd', 'hooks.example.com/x'])('%s as the address is said to be none, without being told', async (address) => {
    const error: unknown = await deliver({ BLISS_HOOK: address, BLISS_HOOK_KEY: 'key' }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BlissError);
    expect(String(error)).toContain('BLISS_HOOK holds no http or https address');
    expect(String(error)).not.toContain(address);
  });
});
