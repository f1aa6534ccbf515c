import net from 'node:net';
import { expect, test } from 'vitest';
import { BlissError } from '../../lib/errors.js';
import { freePort, LOOPBACK, onFreePorts, portIsFree } from '../../workers/ports.js';

test('free ports lie below the ephemeral ones, where no outgoing connection takes them', async () => {
  for (let i = 0; i < 20; i++) expect(await freePort()).toBeLessThan(32_768);
});

test('a port that was lost in between is replaced by another; any other failure goes up', async () => {
  const tried: number[] = [];
  const lost = new BlissError({ code: 'PortInUse', message: 'lost' });
  const started = await onFreePorts(async ({ port, uiPort }) => {
    expect(port).not.toBe(uiPort);
    tried.push(port);
    if (tried.length < 3) throw lost;
    return port;
  });
  expect(tried).toHaveLength(3);
  expect(started).toBe(tried[2]);
  await expect(onFreePorts(() => Promise.reject(lost))).rejects.toBe(lost);
  await expect(onFreePorts(() => Promise.reject(new Error('other')))).rejects.toThrow('other');
});

test('a port that someone listens on is not free', async () => {
  const port = await freePort();
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen({ port, host: LOOPBACK }, resolve));
  expect(await portIsFree(port)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await portIsFree(port)).toBe(true);
});
