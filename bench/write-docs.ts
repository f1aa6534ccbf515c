import { readFileSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from '../lib/artifacts/index.js';
import { BlissError } from '../lib/errors.js';
import { packageRoot } from '../lib/package-root.js';
import type { Bench } from './bench.js';
import { benches } from './benches/index.js';
import { markdown } from './render.js';
import { readResult, type StoredResult } from './results.js';

const PAGE = path.join(packageRoot(), 'docs', 'performance.md');
/** what stands between is written by this file; what stands around it by people */
const SECTION = /(<!-- bench: ([a-z-]+) -->\n)[\s\S]*?(<!-- \/bench -->)/g;

/** Writes the tables of `docs/performance.md` anew from `bench/results`. A bench that was never run keeps its place empty. */
export async function writeDocs(): Promise<void> {
  await writeFileAtomic(PAGE, withTables(readFileSync(PAGE, 'utf8'), readResult));
}

/** @param resultOf what is stored of a bench, by its name @throws BlissError Usage for a marker that names no bench */
export function withTables(page: string, resultOf: (bench: string) => StoredResult | undefined): string {
  return page.replace(SECTION, (_, begin: string, name: string, end: string) => {
    const bench = benches.find((one) => one.name === name);
    if (bench === undefined) throw new BlissError({ code: 'Usage', where: PAGE, message: `there is no bench ${name}`, fix: `name one of ${benches.map((one) => one.name).join(', ')}` });
    const result = resultOf(name);
    return `${begin}${result === undefined ? '' : section(bench, result)}${end}`;
  });
}

function section(bench: Bench<unknown>, { data, machine, takenAt, command, withoutPyTorch }: StoredResult): string {
  const tables = (bench.shown ?? bench.tables)(data).map(markdown);
  const gigabytes = Math.round(machine.memoryBytes / 1e9);
  const where = `\`${command}\`, ${takenAt.slice(0, 10)}, commit ${machine.commit}: ${machine.processor}, ${machine.cores} cores, ${gigabytes} GB${machine.gpus.map((gpu) => `, ${gpu}`).join('')}, Node ${machine.node}.`;
  return `${[...tables, `${where}${withoutPyTorch === undefined ? '' : ' Without PyTorch.'}`].join('\n\n')}\n`;
}
