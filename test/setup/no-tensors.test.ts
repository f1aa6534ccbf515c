import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.js';
import { temporaryFolder } from './temporary-folder.js';

/** Modules of TensorFlow that Node has loaded when it has read a file of the build, with all that it imports. */
function tensorFlowBehind(file: string): string[] {
  const spy = path.join(temporaryFolder(), 'spy.cjs');
  writeFileSync(spy, `const Module = require('node:module');\nconst load = Module._load;\nModule._load = (id, ...rest) => { if (String(id).includes('@tensorflow/')) process.stdout.write('loads ' + id + '\\n'); return load(id, ...rest); };\n`);
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--require', spy, '--input-type=module', '--eval', `await import(${JSON.stringify(path.join(packageRoot(), 'dist', file))});`], { encoding: 'utf8' });
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.split('\n').filter((line) => line.startsWith('loads '));
}

// it takes a second and some hundred megabytes: a folder's index that brings it would do so for every command and every worker
test.each(['cli/commands/export.js', 'cli/commands/fork.js', 'cli/commands/run.js', 'cli/commands/status.js', 'activities/index.js', 'workers/local-stack.js'])('%s brings no TensorFlow', (file) => {
  expect(tensorFlowBehind(file)).toEqual([]);
});

test('a stage that computes does', () => {
  expect(tensorFlowBehind('lib/stages/training.js')).not.toEqual([]);
});
