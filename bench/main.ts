#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander';
import type { Bench } from './bench.js';
import { benches } from './benches/index.js';
import { thisMachine } from './machine.js';
import { findPyTorch } from './pytorch.js';
import { storeResult } from './results.js';
import { plainText } from './render.js';
import { writeDocs } from './write-docs.js';

interface Options {
  readonly repeats: number;
  readonly model: readonly string[];
  readonly python?: string;
  readonly pytorch: boolean;
  readonly alone: boolean;
  readonly tuned: boolean;
}

/** Fewer do not tell a median. */
const LEAST_REPEATS = 10;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const positiveInteger = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('an integer of at least 1');
  return value;
};

async function run(bench: Bench<unknown>, options: Options): Promise<void> {
  const unknown = options.model.find((name) => !bench.cases.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`${bench.name} has no ${unknown}; it has ${bench.cases.join(', ')}`);
  const pyTorch = options.pytorch ? await findPyTorch({ ...(options.python === undefined ? {} : { python: options.python }), say }) : { unavailable: 'left out by --no-pytorch' };
  if ('unavailable' in pyTorch) say(`without PyTorch: ${pyTorch.unavailable}`);
  const data = await bench.run({ pyTorch, repeats: options.repeats, alone: options.alone, tuned: options.tuned, only: options.model, say });
  for (const table of bench.tables(data)) process.stdout.write(`${plainText(table)}\n`);
  const words = process.argv.slice(2);
  const python = words.indexOf('--python');
  if (python >= 0) words.splice(python, 2); // where an interpreter lies says nothing to others
  const command = `npm run bench -- ${words.join(' ')}`;
  const isWhole = options.model.length === 0 && options.repeats >= LEAST_REPEATS;
  const file = await storeResult({
    bench: bench.name,
    takenAt: new Date().toISOString(),
    command,
    machine: thisMachine(),
    ...('unavailable' in pyTorch ? { withoutPyTorch: pyTorch.unavailable } : {}),
    data,
  }, { partial: !isWhole });
  say(`written to ${file}${isWhole ? '' : ', as it is not the whole bench'}`);
}

const program = new Command('npm run bench --').description('Measures speed and memory, each figure beside PyTorch’s on the same machine. Without a name: the list.');
program.argument('[name]', 'one of them').action((unknown?: string) => {
  // only a name that is no command comes here
  if (unknown !== undefined) program.error(`error: there is no bench ${unknown}; name one of ${benches.map((bench) => bench.name).join(', ')}, install, write-docs`);
  for (const { name, about, cases } of benches) process.stdout.write(`${name.padEnd(16)}${about}${cases.length > 1 ? ` (--model ${cases.join(' | ')})` : ''}\n`);
});
program
  .command('install')
  .description('makes the virtual environment with PyTorch that the benches use, and tests too: some gigabytes in the cache, once')
  .action(async () => {
    const pyTorch = await findPyTorch({ say });
    if ('unavailable' in pyTorch) return program.error(pyTorch.unavailable);
    say(`it is there: ${pyTorch.python}`);
  });
program.command('write-docs').description('writes the tables of docs/performance.md again, from bench/results').action(writeDocs);
for (const bench of benches) {
  program
    .command(bench.name)
    .description(bench.about)
    .option('--repeats <n>', 'timed repetitions of each side', positiveInteger, LEAST_REPEATS)
    .option('--model <name>', `only this case, may be repeated: ${bench.cases.join(', ')}`, (name: string, before: readonly string[]) => [...before, name], [])
    .option('--python <file>', 'an interpreter that has the packages of bench/pytorch/requirements.txt, instead of the environment made in the cache')
    .option('--no-pytorch', 'our own figures alone')
    .option('--alone', 'time each side also where no other process is there', false)
    .option('--tuned', 'PyTorch also with a malloc that keeps its memory, as its tuning guide advises', false)
    .action((options: Options) => run(bench, options));
}
try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
