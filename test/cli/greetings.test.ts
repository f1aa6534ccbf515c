import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { bliss, place } from './bliss.js';

/** as the set-up leaves it: nothing asks for more or less */
const env = { TF_CPP_MIN_LOG_LEVEL: undefined };

test('TensorFlow’s libraries do not speak to who asks for a plan or for what is found', async () => {
  for (const command of [['plan', 'smoke'], ['doctor']]) {
    const { code, stdout, stderr } = await bliss([...command, '--home', place().home], { env });
    expect(code, stderr).toBe(0);
    expect(stderr, command[0]).toBe('');
    expect(stdout).not.toMatch(/absl|oneDNN/);
  }
});

test('what TensorFlow cannot do is told in the words of the errors, not of its greetings', async () => {
  const { folder, home } = place();
  mkdirSync(path.join(folder, 'model'));
  writeFileSync(path.join(folder, 'model', 'config.json'), '{"model_type": "bert"}');
  for (const command of [['plan', 'smoke', '--set', `models.target.from=${path.join(folder, 'model')}`], ['run', 'smoke', '--set', `models.target.from=${path.join(folder, 'model')}`]]) {
    const { code, stderr } = await bliss([...command, '--home', home], { env });
    expect(code).toBe(2);
    expect(stderr).toContain('config.json');
    expect(stderr).toContain('fix: ');
    expect(stderr).not.toMatch(/absl|oneDNN|please report/);
  }
});

test('a library that does not load is told by its own error', async () => {
  const { stdout, stderr } = await bliss(['doctor', '--home', place().home], { env: { ...env, NODE_OPTIONS: `--require ${broken()}` } });
  expect(stdout + stderr).toMatch(/TensorFlow +does not load: .*undefined symbol: TF_Nothing/);
  expect(stdout).not.toMatch(/round-off errors/);
});

/** a child of doctor that greets as TensorFlow does, and then fails as a library that lacks a symbol */
function broken(): string {
  const { folder } = place();
  const file = path.join(folder, 'broken.cjs');
  writeFileSync(file, `if (process.argv[1]?.endsWith('probe-tensorflow.js')) {
    process.stderr.write('I0000 00:00:1796056363.210849   15585 port.cc:153] oneDNN custom operations are on. You may see round-off errors.\\n');
    process.stderr.write('node: symbol lookup error: undefined symbol: TF_Nothing\\n');
    process.exit(127);
  }`);
  return file;
}
