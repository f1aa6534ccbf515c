import { statSync } from 'node:fs';
import path from 'node:path';
import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import { requireRecord } from '../runs.js';
import type { ModelSource } from './job.js';

const IN_RUN = /^([^/]+)\/seed-(\d+)\/([^/]+)\/round-(\d+)$/;

/** A folder where there is one, else an arm after a round of a run. @throws BlissError Usage */
export function modelSource(home: Home, named: string): ModelSource {
  const folder = path.resolve(named);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return { type: 'folder', named, folder };
  const [, run, seed, arm, round] = IN_RUN.exec(named) ?? [];
  if (run === undefined) {
    throw new BlissError({ code: 'Usage', where: named, message: 'there is no such folder, and it names no arm of a run', fix: 'give a folder with config.json, model.safetensors and tokenizer.json, or RUN/seed-0/ARM/round-1' });
  }
  requireRecord(home, run);
  return { type: 'run', named, run, seed: Number(seed), arm, round: Number(round) };
}
