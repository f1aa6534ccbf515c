import type { Command } from 'commander';
import { BlissError } from '../lib/errors.js';
import { openHome, type Home } from '../lib/home.js';
import { openOutput, type ExitCode, type Output } from './output.js';
import { homeOptionOf, suggesting } from './suggested.js';

/** What every command is given. */
export interface CommandContext {
  readonly home: Home;
  readonly output: Output;
  /** ` --home DIR` where the user or BLISS_HOME gave one, to put behind commands that we suggest */
  readonly homeOption: string;
}

/** Makes a command's action of a function of its context: opens home and output, keeps the exit code. */
export function action<Arguments extends unknown[]>(perform: (context: CommandContext, ...args: Arguments) => Promise<ExitCode>): (...args: [...Arguments, Command]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command; // commander passes the command last
    const { home, json } = command.optsWithGlobals<{ home?: string; json?: boolean }>();
    if (home === '') throw new BlissError({ code: 'Usage', message: 'the home is empty', where: '--home', fix: 'name a folder, or leave --home out' });
    const homeOption = homeOptionOf(home);
    const context: CommandContext = { home: openHome(home), output: suggesting(openOutput({ json: json === true }), homeOption), homeOption };
    process.exitCode = await perform(context, ...(args.slice(0, -1) as unknown as Arguments)); // a tuple without its last element
  };
}
