import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openHome } from '../../lib/home.js';
import { freePort } from '../../workers/ports.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import { startTemporalServer, type TemporalServer } from '../../workers/temporal-server.js';
import { bliss, commandLine, place, processesWith, start, until, type Started } from '../cli/bliss.js';
import { httpProxy, type TestProxy } from './gateway.js';

/** A name that no resolver knows: only a proxy gets there. */
const FAR = 'temporal.example.invalid:7233';

/** every spelling that some program reads, and no `no_proxy` */
function proxied(url: string): NodeJS.ProcessEnv {
  const names = ['grpc_proxy', 'https_proxy', 'http_proxy', 'all_proxy'];
  const excepted = Object.fromEntries(['no_proxy', 'NO_PROXY', 'no_grpc_proxy', 'NO_GRPC_PROXY'].map((name) => [name, undefined]));
  return { ...excepted, ...Object.fromEntries(names.flatMap((name) => [[name, url], [name.toUpperCase(), url]])) };
}

const isHere = (target: string): boolean => /^(https?:\/\/)?(127\.|localhost|\[?::1)/.test(target);

describe('with proxies in the environment', () => {
  const started: Started[] = [];
  let proxy: TestProxy | undefined;
  afterEach(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    await Promise.all(started.splice(0).map(({ ended }) => ended));
    proxy?.close();
  });

  test('a whole run on a stack of its own asks no proxy for a way to this machine', { timeout: 200_000 }, async () => {
    proxy = await httpProxy(() => undefined);
    const few = ['warmUp.steps', 'bilevel.outerSteps', 'pretraining.steps', 'pretraining.decay.steps'];
    const { home } = place();
    const run = start(['run', 'smoke', '--json', '--home', home, ...few.flatMap((field) => ['--set', `${field}=8`])], { env: proxied(proxy.url) });
    started.push(run);
    for (const part of ['start-dev', '--role cpu', '--role gpu']) {
      const pid = await until(part, () => processesWith(home).find((one) => commandLine(one).includes(part) && !commandLine(one).includes('setpriv')));
      // nor do the libraries of its processes, or what they start
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0'), part).toEqual(expect.arrayContaining([expect.stringMatching(/^no_proxy=.*127\.0\.0\.1/), expect.stringMatching(/^NO_PROXY=.*127\.0\.0\.1/)]));
    }
    const { code, stdout, stderr } = await run.ended;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'done' });
    expect(proxy.asked.filter(isHere)).toEqual([]);
  });

  test('a configured server that is on this machine is reached directly, whatever name it is called by', async () => {
    proxy = await httpProxy(() => undefined);
    const address = `localhost:${await freePort()}`;
    const { code, stdout } = await bliss(['run', 'smoke', '--json', '--home', place().home], { env: { ...proxied(proxy.url), TEMPORAL_ADDRESS: address } });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ServerUnreachable', where: address } });
    expect(stdout).not.toContain('proxy');
    expect(proxy.asked).toEqual([]);
  });

  test('a server that is not reached through one is told with the variable, what the proxy says, and no password', async () => {
    proxy = await httpProxy(() => undefined);
    const url = proxy.url.replace('http://', 'http://me:s3cret@');
    const env = { ...proxied(url), grpc_proxy: undefined, GRPC_PROXY: undefined, TEMPORAL_ADDRESS: FAR };
    for (const command of [['run', 'smoke'], ['doctor']]) {
      const { code, stdout, stderr } = await bliss([...command, '--home', place().home], { env });
      expect(code, command[0]).toBe(1);
      const said = stdout + stderr;
      expect(said).toContain('it answers 503 Service Unavailable');
      expect(said).toContain(`https_proxy=${proxy.url.replace('http://', 'http://***@')} is in the environment`);
      expect(said).toContain('put temporal.example.invalid into no_proxy');
      expect(said).not.toContain('s3cret');
    }
    expect(new Set(proxy.asked)).toEqual(new Set([FAR]));
  });

  test('one that gRPC cannot go through is named too', async () => {
    const env = { ...proxied('socks5://127.0.0.1:1080'), TEMPORAL_ADDRESS: FAR };
    const { code, stderr } = await bliss(['run', 'smoke', '--home', place().home], { env });
    expect(code).toBe(1);
    expect(stderr).toContain('grpc_proxy=socks5://127.0.0.1:1080 is in the environment, and was not used');
  });

  describe('that lead to a server', () => {
    let server: TemporalServer;
    beforeAll(async () => {
      server = await startTemporalServer({ home: openHome(place().home), binary: requireTemporalBinary(), port: await freePort(), uiPort: await freePort(), onEvent: () => undefined });
    });
    afterAll(() => server?.supervisor.stop(5_000));

    test('client and workers reach it there, with the credentials of the variable, in capitals too', async () => {
      const [host = '', port = ''] = server.server.address.split(':');
      proxy = await httpProxy((target) => (target === FAR ? { host, port: Number(port) } : undefined));
      const env = { HTTPS_PROXY: proxy.url.replace('http://', 'http://me:s3cret@'), TEMPORAL_ADDRESS: FAR };
      const { home } = place();
      const dev = start(['dev', '--home', home], { env });
      started.push(dev);
      await until('the stack', () => {
        if (dev.child.exitCode !== null) throw new Error(dev.text());
        return dev.text().includes('the local stack is up') ? true : undefined;
      });
      const { code, stdout } = await bliss(['doctor', '--json', '--home', home], { env });
      expect(code).toBe(0);
      const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; found: string }[] };
      expect(checks).toEqual(expect.arrayContaining([
        expect.objectContaining({ name: 'Temporal', state: 'ok', found: `server at ${FAR} through the proxy of HTTPS_PROXY` }),
        expect.objectContaining({ name: 'Workers', state: 'ok' }),
      ]));
      expect(new Set(proxy.asked)).toEqual(new Set([FAR]));
      expect(new Set(proxy.credentials)).toEqual(new Set([`Basic ${Buffer.from('me:s3cret').toString('base64')}`]));
    });
  });
});
