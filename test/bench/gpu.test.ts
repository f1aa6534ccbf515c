import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.js';
import { programOnPath } from '../needs/machine.js';

const SCRIPT = path.join(packageRoot(), 'bench', 'gpu.sh');

/** a PATH with the script's own tools, and an nvidia-smi that says this */
function pathWith(nvidiaSmi?: string): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bliss-gpu-'));
  for (const tool of ['bash', 'dirname', 'grep', 'cat']) {
    const found = ['/usr/bin', '/bin'].map((place) => path.join(place, tool)).find(existsSync);
    if (found !== undefined) symlinkSync(found, path.join(folder, tool));
  }
  if (nvidiaSmi !== undefined) {
    writeFileSync(path.join(folder, 'nvidia-smi'), `#!/bin/bash\n${nvidiaSmi}\n`);
    chmodSync(path.join(folder, 'nvidia-smi'), 0o755);
  }
  return folder;
}
const run = (PATH: string, ...args: string[]) => spawnSync('/bin/bash', [SCRIPT, ...args], { encoding: 'utf8', env: { PATH } });

test('bench/gpu.sh ends at once, with the reason and the fix, where there is no GPU', () => {
  const none = run(pathWith());
  expect({ status: none.status, stdout: none.stdout }).toEqual({ status: 2, stdout: '' });
  expect(none.stderr).toMatch(/^gpu\.sh: there is no NVIDIA GPU here: nvidia-smi is not found\n {2}fix: .*npm run bench\n$/);
  for (const [says, shown] of [['echo "No devices were found"', 'No devices were found'], ['echo "NVIDIA-SMI has failed" >&2; exit 9', 'NVIDIA-SMI has failed'], ['exit 9', 'it says nothing']] as const) {
    const empty = run(pathWith(says));
    expect(empty.status).toBe(2);
    expect(empty.stderr).toMatch(new RegExp(`^gpu\\.sh: nvidia-smi finds no GPU: ${shown}\n {2}fix: `));
  }
  const listed = run(pathWith('echo "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-0)"'));
  expect({ status: listed.status, stderr: listed.stderr }).toEqual({ status: 1, stderr: 'gpu.sh: node is not found\n  fix: install Node 22 or 20\n' });
  expect(run(pathWith(), '--nonsense').stderr).toContain('there is no option --nonsense');
});

test('the shell scripts are clean to shellcheck', (context) => {
  const shellcheck = programOnPath({ context, names: ['shellcheck'], need: 'shellcheck' });
  const scripts = [SCRIPT, ...['run', 'install'].map((name) => path.join(packageRoot(), '.ci', name))];
  expect(spawnSync(shellcheck, scripts, { encoding: 'utf8' }).stdout).toBe('');
});
