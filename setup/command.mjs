import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * @typedef {object} CommandResult
 * @property {number} code exit status; 127 where the program is not there, 128 + n for signal n
 * @property {string} output stdout and stderr, as they came
 */

/**
 * Runs a program to its end and keeps what it says.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<CommandResult>}
 */
export function capture(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let output = '';
    /** @param {Buffer} chunk */
    const keep = (chunk) => void (output += chunk.toString());
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => {
      running.delete(child);
      resolve({ code: 127, output: error.message });
    });
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve({ code: exitStatus(code, signal), output });
    });
  });
}

/** Lines of a failed command worth showing. @param {string} output */
export const lastLines = (output, count = 15) => output.trimEnd().split('\n').slice(-count).join('\n');

/**
 * Runs a program in our place: same terminal, signals passed on, its exit status returned.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>}
 */
export function runInOurPlace(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: 'inherit' });
    // A terminal sends Ctrl-C and its own closing to the whole process group: the child has them already, and a second
    // Ctrl-C would mean "at once" to it. Without a terminal they come from `kill`, to us alone.
    const fromTerminal = process.stdin.isTTY === true;
    /** @type {NodeJS.Signals[]} */
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    const handlers = signals.map((signal) => {
      const pass = () => {
        if (!fromTerminal || signal === 'SIGTERM') child.kill(signal);
      };
      process.on(signal, pass);
      return () => process.off(signal, pass);
    });
    const settle = () => handlers.forEach((off) => off());
    child.on('error', (error) => {
      settle();
      reject(error);
    });
    child.on('exit', (code, signal) => {
      settle();
      resolve(exitStatus(code, signal));
    });
  });
}

/** Programs that `capture` runs end with us: a download nobody waits for must not go on. */
export function endWithUs() {
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const handlers = signals.map((signal) => {
    const end = () => {
      for (const child of running) child.kill('SIGTERM');
      process.exit(128 + constants.signals[signal]);
    };
    process.on(signal, end);
    return () => process.off(signal, end);
  });
  return () => handlers.forEach((off) => off());
}

/** @param {number | null} code @param {NodeJS.Signals | null} signal */
const exitStatus = (code, signal) => code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
