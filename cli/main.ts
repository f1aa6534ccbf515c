#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { BlissError } from '../lib/errors.js';
import { packageVersion } from '../lib/package-root.js';
import { jsonLine, printable } from '../lib/printable.js';
import { configuredServer } from '../workers/connection.js';
import { refusalOf, serverFault } from '../workers/server-fault.js';
import { LOCAL_NAMESPACE } from '../workers/temporal-server.js';
import { addBudget } from './commands/budget.js';
import { addCancel } from './commands/cancel.js';
import { addCompare } from './commands/compare.js';
import { addDev } from './commands/dev.js';
import { addDoctor } from './commands/doctor.js';
import { addEval } from './commands/eval.js';
import { addExport } from './commands/export.js';
import { addFork } from './commands/fork.js';
import { addGc } from './commands/gc.js';
import { addInit } from './commands/init.js';
import { addLogs } from './commands/logs.js';
import { addPause } from './commands/pause.js';
import { addPlan } from './commands/plan.js';
import { addReport } from './commands/report.js';
import { addResume } from './commands/resume.js';
import { addRun } from './commands/run.js';
import { addStatus } from './commands/status.js';
import { addStopAfter } from './commands/stop-after.js';
import { bothNames } from './both-names.js';
import { errorAnswer, errorText, exitCodeOf, type ErrorAnswer } from './output.js';
import { homeOptionOf, withHome } from './suggested.js';

function bliss(): Command {
  const program = new Command('bliss')
    .description('choose which rows of a corpus to pretrain on, by bilevel influence scoring, in runs that can be killed and continued')
    .version(packageVersion())
    .option('--home <dir>', 'where state is kept (default: BLISS_HOME or .bliss)')
    .option('--json', 'print one JSON object on standard output, and everything else on standard error')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined }); // errors are shown below, all in one way
  for (const add of [addInit, addDoctor, addDev, addPlan, addRun, addResume, addFork, addPause, addStopAfter, addCancel, addBudget, addStatus, addLogs, addReport, addCompare, addEval, addExport, addGc]) add(program);
  return program;
}

/** Before the arguments are parsed there are no options yet. */
const wantsJson = process.argv.includes('--json');

/** A server's refusal that nobody has told before. */
function named(error: unknown): unknown {
  if (error instanceof BlissError || refusalOf(error) === undefined) return error;
  const server = configuredServer() ?? { kind: 'local' as const, address: 'the local stack', namespace: LOCAL_NAMESPACE };
  return serverFault({ error, server }) ?? error;
}

function fail(thrown: unknown): void {
  const error = named(thrown);
  const homeOption = homeOptionOf(program.opts<{ home?: string }>().home);
  if (wantsJson) process.stdout.write(`${jsonLine(bothNames({ error: suggestingAnswer(errorAnswer(error), homeOption) }))}\n`);
  process.stderr.write(`${printable(withHome(errorText(error), homeOption))}\n`);
  process.exitCode = exitCodeOf(error);
}

const suggestingAnswer = ({ message, fix, ...answer }: ErrorAnswer, homeOption: string): ErrorAnswer => ({ ...answer, message: withHome(message, homeOption), ...(fix === undefined ? {} : { fix: withHome(fix, homeOption) }) });

/** Commander's own words: help and version are no errors, all else is usage. */
function fromCommander(error: CommanderError): unknown {
  if (error.exitCode === 0) return undefined;
  const message = error.message.replace(/^error: /, '');
  return new BlissError({ code: 'Usage', message: error.code === 'commander.help' ? 'no command is given' : message, fix: 'see `bliss --help` or `bliss COMMAND --help`' });
}

const program = bliss();
try {
  await program.parseAsync(process.argv);
} catch (error) {
  const shown = error instanceof CommanderError ? fromCommander(error) : error;
  if (error instanceof CommanderError && error.code === 'commander.help') process.stdout.write(program.helpInformation());
  if (shown !== undefined) fail(shown);
}
// connections of Temporal's client keep timers: the answer is given, so the process is done
process.stdout.write('', () => process.exit());
