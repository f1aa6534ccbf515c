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

/** More would be the clock's noise. */
const DIGITS = 6;

const FOLDER = path.join(packageRoot(), 'bench', 'results');
const fileOf = (bench: string): string => path.join(FOLDER, `${bench}.json`);

/** @param options.partial not the whole bench: kept beside, out of the documentation and of git. @returns the file */
export async function storeResult(result: StoredResult, { partial }: { readonly partial: boolean }): Promise<string> {
  mkdirSync(FOLDER, { recursive: true });
  const file = fileOf(partial ? `${result.bench}.partial` : result.bench);
  await writeFileAtomic(file, `${JSON.stringify(result, (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(DIGITS)) : value))}\n`);
  return file;
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
