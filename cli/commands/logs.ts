import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { BlissError } from '../../lib/errors.js';
import type { RunFolder } from '../../lib/home.js';
import { action } from '../command.js';
import { readOutcome, requireRecord } from '../runs.js';
import { readProgress } from '../view/index.js';

interface LogLine {
  readonly stage: string;
  readonly line: string;
}

const LOOK_EVERY_MS = 500;

export function addLogs(program: Command): void {
  program
    .command('logs')
    .description('show what the stages of a run wrote to their logs')
    .argument('<run>', 'name of the run')
    .argument('[stage]', 'one stage, or a part of its path: seed-0/bliss/round-1/bilevel, round-1/bilevel, bilevel, round-1')
    .option('--follow', 'show new lines until the run ends')
    .action(
      action(async ({ home, output }, run: string, stage: string | undefined, { follow }: { readonly follow?: boolean }) => {
        requireRecord(home, run);
        const folder = home.run(run);
        const read = logReader(folder, stage);
        const lines = read();
        if (lines.length === 0 && follow !== true) throw nothingThere(folder, run, stage);
        // one stage asked for needs no name before its lines
        const single = new Set(lines.map((line) => line.stage)).size === 1 && stage !== undefined;
        const show = (some: readonly LogLine[]): void => {
          for (const { stage: of, line } of some) {
            output.say(single ? line : `${of} | ${line}`);
            output.answer({ stage: of, line });
          }
        };
        show(lines);
        while (follow === true && readOutcome(folder) === undefined) {
          await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
          show(read());
        }
        return 0;
      }),
    );
}

/** Each call gives what has come since the last, in order of time: every line begins with its time. */
function logReader(folder: RunFolder, stage: string | undefined): () => LogLine[] {
  const offsets = new Map<string, number>();
  return () =>
    logFiles(folder)
      .filter((each) => stage === undefined || `/${each.stage}/`.includes(`/${stage}/`))
      .flatMap(({ stage: of, file }) => {
        const { text, end } = wholeLines(file, offsets.get(file) ?? 0);
        offsets.set(file, end);
        return text.split('\n').filter((line) => line !== '').map((line) => ({ stage: of, line }));
      })
      .map((line, index) => ({ line, index, time: timeOf(line.line) }))
      .sort((a, b) => (a.time !== '' && b.time !== '' && a.time !== b.time ? a.time.localeCompare(b.time) : a.index - b.index))
      .map(({ line }) => line);
}

/** A line without a time, as of a stack trace, keeps its place. */
const timeOf = (line: string): string => /^\d{4}-\d\d-\d\dT[\d:.]+Z/.exec(line)?.[0] ?? '';

function logFiles(folder: RunFolder): { stage: string; file: string }[] {
  return readProgress(folder)
    .map(({ stage }) => ({ stage, file: folder.log(stage) }))
    .filter(({ file }) => existsSync(file));
}

/** From an offset to the last line end. */
function wholeLines(file: string, start: number): { text: string; end: number } {
  const size = statSync(file).size - start;
  if (size <= 0) return { text: '', end: start };
  const buffer = Buffer.alloc(size);
  const opened = openSync(file, 'r');
  try {
    readSync(opened, buffer, 0, size, start);
  } finally {
    closeSync(opened);
  }
  const length = buffer.lastIndexOf(0x0a) + 1;
  return { text: buffer.subarray(0, length).toString('utf8'), end: start + length };
}

function nothingThere(folder: RunFolder, run: string, stage: string | undefined): BlissError {
  const stages = logFiles(folder).map((each) => each.stage);
  return new BlissError({
    code: 'Usage',
    message: stage === undefined ? `the run ${run} has written no logs yet` : `the run ${run} has no log of a stage '${stage}'`,
    where: folder.logFolder,
    fix: stages.length === 0 ? `see how far it is: bliss status ${run}` : `stages with logs: ${stages.join(', ')}`,
  });
}
