import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { BlissError } from '../lib/errors.js';

/** Where a process spent its processor time: one function of one library. */
export interface Spent {
  readonly library: string;
  readonly symbol: string;
  /** of all samples */
  readonly share: number;
}

const SAMPLES_A_SECOND = 997;
/** attaching to every thread takes a moment */
const ATTACH_MS = 1_000;

/**
 * Samples a process while `work` is done, by Linux' perf.
 * @throws BlissError NotSetUp where perf is not there or may not look
 */
export async function sample<T>(pid: number, work: () => Promise<T>): Promise<{ readonly spent: readonly Spent[]; readonly result: T }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bliss-perf-'));
  const file = path.join(folder, 'perf.data');
  try {
    const perf = spawn('perf', ['record', '--freq', String(SAMPLES_A_SECOND), '--output', file, '--pid', String(pid)], { stdio: 'ignore' });
    const ended = once(perf, 'exit').catch((error: unknown) => [error]);
    await wait(ATTACH_MS);
    const result = await work();
    perf.kill('SIGINT');
    await ended;
    const { status, stdout } = spawnSync('perf', ['report', '--input', file, '--stdio', '--fields', 'overhead,dso,sym', '--field-separator', '|'], { encoding: 'utf8', maxBuffer: 2 ** 28 });
    if (status !== 0) throw new BlissError({ code: 'NotSetUp', message: 'perf could not sample the process', fix: 'install perf (Debian: linux-perf) and allow it (kernel.perf_event_paranoid ≤ 1, or root)' });
    return { spent: parse(stdout), result };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function parse(report: string): Spent[] {
  return report.split('\n').flatMap((line) => {
    const match = /^\s*([\d.]+)%?\s*\|([^|]*)\|\[.\] ([^|]*)/.exec(line);
    return match === null ? [] : [{ share: Number(match[1]) / 100, library: match[2].trim(), symbol: match[3].trim() }];
  });
}
