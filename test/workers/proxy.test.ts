import { describe, expect, test } from 'vitest';
import { proxyFor, withDirectLoopback } from '../../workers/proxy.js';

const P = 'http://proxy.example:3128';
const through = (environment: NodeJS.ProcessEnv, address = 'temporal.example:7233'): string | undefined => proxyFor({ address, environment })?.variable;

describe('the proxy for a server', () => {
  test('is that of the first of the variables, in either spelling, as the user wrote it', () => {
    expect(through({})).toBeUndefined();
    expect(through({ https_proxy: ' ' })).toBeUndefined();
    for (const variable of ['grpc_proxy', 'https_proxy', 'http_proxy', 'all_proxy', 'GRPC_PROXY', 'HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY']) expect(through({ [variable]: P })).toBe(variable);
    expect(through({ ALL_PROXY: P, HTTP_PROXY: P, https_proxy: P })).toBe('https_proxy');
  });

  test('is shown without what is secret in it, whatever its form', () => {
    const shown = (value: string) => proxyFor({ address: 'temporal.example', environment: { https_proxy: value } });
    expect(shown('http://me:s3cret%40@proxy.example:3128')).toEqual({ variable: 'https_proxy', shown: 'http://***@proxy.example:3128', host: 'proxy.example:3128', credentials: { username: 'me', password: 's3cret@' } });
    expect(shown('proxy.example:3128')).toMatchObject({ shown: 'http://proxy.example:3128', host: 'proxy.example:3128', credentials: undefined }); // as curl and Go read it
    expect(shown('http://proxy.example')).toMatchObject({ host: 'proxy.example:80' });
    expect(shown('http://[fd00::1]:8080')).toMatchObject({ host: '[fd00::1]:8080' });
    // gRPC has no way through these: they are told, not taken
    expect(shown('socks5://me:s3cret@proxy.example:1080')).toMatchObject({ shown: 'socks5://***@proxy.example:1080', host: undefined });
    expect(shown('https://proxy.example:3129')).toMatchObject({ host: undefined });
    for (const broken of ['http://me:s3cret@proxy example:x', 'me:s3cret@', 'http://m%e:s3cret@proxy.example']) {
      const proxy = shown(broken);
      expect(proxy?.host, broken).toBeUndefined();
      expect(proxy?.shown, broken).not.toContain('s3cret');
    }
  });

  test('is none for this machine, by any of its names', () => {
    for (const address of ['127.0.0.1:7233', '127.9.9.9', 'localhost:7233', 'LOCALHOST', 'a.localhost:1', '[::1]:7233', '0.0.0.0:7233']) expect(through({ https_proxy: P }, address), address).toBeUndefined();
    for (const address of ['128.0.0.1:7233', 'localhost.example:7233', '[fd00::1]:7233', '10.0.0.1']) expect(through({ https_proxy: P }, address), address).toBe('https_proxy');
  });

  test('is none for what no_proxy excepts: names and those below them, addresses, ranges, one port alone, all', () => {
    const excepted = (list: string, address: string, variable = 'no_proxy'): boolean => through({ https_proxy: P, [variable]: list }, address) === undefined;
    for (const list of ['temporal.example', '.temporal.example', '*.temporal.example', 'x, TEMPORAL.example ,y', 'x temporal.example', 'example', '*', 'temporal.example:7233']) expect(excepted(list, 'temporal.example:7233'), list).toBe(true);
    for (const list of ['oral.example', 'a.temporal.example', 'temporal.example:7000', '10.0.0.0/8']) expect(excepted(list, 'temporal.example:7233'), list).toBe(false);
    for (const list of ['10.1.2.3', '10.0.0.0/8', '10.1.2.3:7233']) expect(excepted(list, '10.1.2.3:7233'), list).toBe(true);
    for (const list of ['10.1.2.4', '10.0.0.0/16', '10.0.0.0/x', 'fd00::/8', '.3']) expect(excepted(list, '10.1.2.3:7233'), list).toBe(false);
    for (const list of ['fd00::1', '[fd00::1]', 'fd00::/8', '[fd00::1]:7233']) expect(excepted(list, '[fd00::1]:7233'), list).toBe(true);
    expect(excepted('temporal.example', 'temporal.example:7233', 'NO_PROXY')).toBe(true);
    // gRPC's own hides the common one
    expect(through({ https_proxy: P, no_grpc_proxy: 'other.example', no_proxy: 'temporal.example' })).toBe('https_proxy');
  });
});

describe('the environment of our children', () => {
  test('excepts this machine beside what the user excepts, in the spellings that programs read', () => {
    const children = withDirectLoopback({ HOME: '/me', HTTPS_PROXY: P, NO_PROXY: 'intra.example, localhost' });
    expect(children).toEqual({ HOME: '/me', HTTPS_PROXY: P, no_proxy: 'intra.example,localhost,127.0.0.1,::1,[::1]', NO_PROXY: 'intra.example,localhost,127.0.0.1,::1,[::1]' });
    const own = withDirectLoopback({ https_proxy: P, no_grpc_proxy: 'intra.example' });
    expect(own['no_grpc_proxy']).toBe('intra.example,localhost,127.0.0.1,::1,[::1]');
    expect(own['no_proxy']).toBe('localhost,127.0.0.1,::1,[::1]');
    const both = withDirectLoopback({ https_proxy: P, no_proxy: 'a.example', NO_PROXY: 'b.example' });
    expect([both['no_proxy'], both['NO_PROXY']]).toEqual(['a.example,localhost,127.0.0.1,::1,[::1]', 'b.example,localhost,127.0.0.1,::1,[::1]']);
  });

  test('is left as it is where no proxy is named', () => {
    const environment = { HOME: '/me', NO_PROXY: 'x' };
    expect(withDirectLoopback(environment)).toBe(environment);
  });
});
