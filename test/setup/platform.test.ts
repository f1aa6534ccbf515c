import { expect, test } from 'vitest';
import type { Facts } from '../../setup/facts.mjs';
import { readFacts } from '../../setup/facts.mjs';
import { checkPlatform } from '../../setup/platform.mjs';
import { SetupError, explain } from '../../setup/setup-error.mjs';

const good: Facts = { platform: 'linux', arch: 'x64', node: '20.19.0', glibc: '2.27', avx: true, gpu: false };

test.each<[string, Partial<Facts>, RegExp, RegExp]>([
  ['macOS', { platform: 'darwin', arch: 'arm64', glibc: null }, /macOS/, /Linux x64 container/],
  ['Windows', { platform: 'win32', glibc: null }, /Windows/, /WSL/],
  ['another system', { platform: 'freebsd', glibc: null }, /freebsd/, /Linux x64/],
  ['Linux on arm64', { arch: 'arm64' }, /arm64/, /Linux x64/],
  ['Alpine', { glibc: null }, /musl.*Alpine/, /bookworm/],
  ['an old glibc', { glibc: '2.17' }, /glibc 2\.17/, /newer distribution/],
  ['an old Node', { node: '20.18.3' }, /Node 20\.18\.3 is too old/, /install Node 22/],
  ['a very old Node', { node: '18.20.0' }, /too old/, /install Node 22/],
  ['a new Node', { node: '23.0.0' }, /Node 23\.0\.0 is too new/, /install Node 22/],
  ['a CPU without AVX', { avx: false }, /AVX/, /BLISS_TENSORFLOW_DIR/],
])('%s is one error with its fix', (_name, facts, message, fix) => {
  const error = thrownBy(() => checkPlatform({ ...good, ...facts }));
  expect(error).toBeInstanceOf(SetupError);
  expect(error).toMatchObject({ message: expect.stringMatching(message), fix: expect.stringMatching(fix) });
  expect(explain(error).trimEnd().split('\n')).toHaveLength(2);
});

test.each(['20.19.0', '20.20.2', '22.0.0', '22.22.1'])('Node %s is let through', (node) => {
  expect(() => checkPlatform({ ...good, node })).not.toThrow();
});

test('this machine, which runs the tests, is let through by its own facts', () => {
  const facts = readFacts();
  expect(facts).toMatchObject({ platform: process.platform, arch: process.arch, node: process.versions.node });
  expect(() => checkPlatform(facts)).not.toThrow();
});

function thrownBy(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
