import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packageRoot } from '../../lib/package-root.js';

/** Lets TensorFlow's profiler be asked on a port of this machine. A library of some lines is compiled and loaded for it. */
export function startProfilerServer(port: number): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'bliss-profiler-'));
  const library = path.join(folder, 'profiler.so');
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, path.join(packageRoot(), 'bench', 'ours', 'profiler.c'), '-ldl'], { stdio: ['ignore', 'ignore', 'inherit'] });
    process.env['BLISS_PROFILER_PORT'] = String(port);
    process.dlopen({ exports: {} }, library);
  } catch (error) {
    // it is no module of Node's and says so; its constructor has run by then
    if (!(error instanceof Error && error.message.includes('did not self-register'))) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
