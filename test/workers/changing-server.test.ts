import { once } from 'node:events';
import http2 from 'node:http2';
import { expect, onTestFinished, test } from 'vitest';
import { localServer } from '../../workers/connection.js';
import { serverAnswers } from '../../workers/server-answers.js';
import { gateway } from './gateway.js';

const INTERNAL = 13;
const PERMISSION_DENIED = 7;

test('a gateway that fails while its server is being changed is waited for; one that does not let us in is not', { timeout: 120_000 }, async () => {
  const behind = http2.createServer().listen(0, '127.0.0.1');
  await once(behind, 'listening');
  onTestFinished(() => void behind.close());
  const at = behind.address();
  let status = INTERNAL;
  const front = await gateway({ to: `127.0.0.1:${typeof at === 'object' ? (at?.port ?? 0) : 0}`, refuse: () => ({ status, message: 'upstream' }) });
  onTestFinished(() => front.close());
  const said: string[] = [];
  const waiting = serverAnswers({
    server: localServer({ address: front.address, namespace: 'default' }),
    onSilence: (line) => {
      said.push(line);
      status = PERMISSION_DENIED;
    },
  });
  await expect(waiting).rejects.toMatchObject({ code: 'ServerRefused', message: expect.stringContaining('does not let this account') as string });
  expect(said).toHaveLength(1);
  expect(said[0]).toContain('waiting for it');
});
