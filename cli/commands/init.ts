import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { initYaml, jsonSchemaText, SCHEMA_FILE } from '../../config/index.js';
import { BlissError } from '../../lib/errors.js';
import { action } from '../command.js';

export function addInit(program: Command): void {
  program
    .command('init')
    .description('write a commented configuration, and a JSON Schema for your editor beside it')
    .argument('[file]', 'file to write', 'run.yaml')
    .action(
      action(async ({ output, homeOption }, file: string) => {
        const folder = path.dirname(path.resolve(file));
        const schema = path.join(folder, SCHEMA_FILE);
        mkdirSync(folder, { recursive: true });
        writeNew(path.resolve(file), initYaml());
        // the schema is ours, and of this version
        writeFileSync(schema, jsonSchemaText());
        output.say(`wrote ${file} and ${path.relative('.', schema)}\nnext: put your files into data.sources and heldOut.source, then\n  bliss run ${file}${homeOption}`);
        output.answer({ file: path.resolve(file), schema });
        return 0;
      }),
    );
}

/** @throws BlissError Usage where the file exists */
function writeNew(file: string, text: string): void {
  if (existsSync(file)) throw new BlissError({ code: 'Usage', message: 'the file exists, and is left as it is', where: file, fix: 'give another name: bliss init FILE' });
  writeFileSync(file, text, { flag: 'wx' });
}
