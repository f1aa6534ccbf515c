import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from '../lib/artifacts/index.js';
import { packageRoot } from '../lib/package-root.js';
import type { Machine } from './machine.js';

/** `bench/results/NAME.json` */
export interface StoredResult {
  readonly bench: string;
  /** ISO 8601 */
  readonly takenAt: string;
  readonly command: string;
  readonly machine: Machine;
  /** why PyTorch's figures are missing, where they are */
  readonly withoutPyTorch?: string;
  readonly data: unknown;
}

const FOLDER = path.join(packageRoot(), 'bench', 'results');
const fileOf = (bench: string): string => path.join(FOLDER, `${bench}.json`);

/** @returns the file */
export async function storeResult(result: StoredResult): Promise<string> {
  mkdirSync(FOLDER, { recursive: true });
  await writeFileAtomic(fileOf(result.bench), `${JSON.stringify(result, undefined, 1)}\n`);
  return fileOf(result.bench);
}

/** @returns undefined where this bench was never run */
export function readResult(bench: string): StoredResult | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(bench), 'utf8')) as StoredResult; // our own file
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
