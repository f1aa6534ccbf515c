#!/usr/bin/env node
// Node built-ins alone: `npx bliss` finds this file in a fresh clone, before anything is installed.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runInOurPlace } from '../setup/command.mjs';
import { readRecord, withLibraryPath } from '../setup/record.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const main = path.join(root, 'dist', 'cli', 'main.js');
const record = readRecord(root);

if (record === null || !existsSync(main)) {
  process.stderr.write('bliss: not set up yet: run "npm start" first\n');
  process.exitCode = 2;
} else {
  const env = withLibraryPath(process.env, record.libraryPath);
  if (env['LD_LIBRARY_PATH'] === process.env['LD_LIBRARY_PATH']) {
    process.argv[1] = main;
    await import(pathToFileURL(main).href);
  } else {
    // the loader reads its path at a process's start only
    process.exitCode = await runInOurPlace(process.execPath, [main, ...process.argv.slice(2)], { env });
  }
}
