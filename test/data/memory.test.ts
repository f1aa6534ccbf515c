import { execFile } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { randomStream } from '../../lib/random.js';
import { temporaryFolder } from './temporary.js';

const run = promisify(execFile);
const root = path.join(import.meta.dirname, '../..');

/** Runs prepareCorpus on the corpus in a process of its own, whose heap is kept small; prints its rows and highest resident memory. */
const CHILD = `
import { openSources, prepareCorpus } from './dist/lib/data/index.js';
import { mkdir } from 'node:fs/promises';
const [, , folder, corpus, rows] = process.argv;
const outputFolder = folder + '/out-' + corpus;
await mkdir(outputFolder);
const { index } = await prepareCorpus({
  sources: openSources({ sources: [{ type: 'files', name: 'x', paths: [corpus], format: 'jsonl', textColumn: 'text' }] }, folder),
  tokenizer: { type: 'train', vocabularySize: 600, sampleBytes: 500_000 },
  heldOut: { source: { type: 'files', paths: ['held.jsonl'], format: 'jsonl', textColumn: 'text' }, validation: 3, tuning: 3, test: 3 },
  sequenceLength: 256, rowsPerGroup: Number(rows), groups: 1, rowsPerShard: 8192, seed: '0', vocabularySize: 600, outputFolder, configFolder: folder,
});
console.log(JSON.stringify({ rows: index.groups[0].rows, megabytes: process.resourceUsage().maxRSS / 1024 }));
`;

test('memory does not grow with the corpus', async () => {
  const folder = await temporaryFolder();
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  await writeFile(path.join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(path.join(folder, 'child.mjs'), CHILD);
  const types = path.join(root, 'types');
  const compilerOptions = { outDir: path.join(folder, 'dist'), rootDir: root, sourceMap: false, typeRoots: [path.join(root, 'node_modules/@types')] };
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify({ extends: path.join(root, 'tsconfig.json'), compilerOptions, files: [path.join(root, 'lib/data/index.ts')], include: [types] }));
  // other rooms' types are not this test's business: a child that was not built fails by itself
  await run('npx', ['tsc', '-p', path.join(folder, 'tsconfig.json')], { cwd: root }).catch(() => undefined);

  await corpus(path.join(folder, 'small.jsonl'), 6);
  await corpus(path.join(folder, 'large.jsonl'), 60);
  await corpus(path.join(folder, 'held.jsonl'), 1);
  const measure = async (name: string, rows: number): Promise<number> => {
    const { stdout } = await run(process.execPath, ['--max-old-space-size=96', 'child.mjs', folder, name, String(rows)], { cwd: folder });
    const result = JSON.parse(stdout) as { rows: number; megabytes: number };
    expect(result.rows).toBe(rows);
    return result.megabytes;
  };
  const small = await measure('small.jsonl', 2_200);
  const large = await measure('large.jsonl', 22_000);
  // 60 MB of text, as much of spilled tokens; held in memory it would be hundreds more
  expect(large - small).toBeLessThan(70);
});

async function corpus(file: string, megabytes: number): Promise<void> {
  const random = randomStream('memory', path.basename(file));
  const words = Array.from({ length: 3_000 }, () => Array.from({ length: 2 + random.below(8) }, () => String.fromCharCode(97 + random.below(26))).join(''));
  const stream = createWriteStream(file);
  for (let bytes = 0; bytes < megabytes * 1e6; ) {
    const lines = Array.from({ length: 50 }, () => `${JSON.stringify({ text: Array.from({ length: 300 }, () => words[random.below(words.length)]).join(' ') })}\n`).join('');
    bytes += lines.length;
    if (!stream.write(lines)) await new Promise<void>((resolve) => stream.once('drain', () => { resolve(); }));
  }
  stream.end();
  await finished(stream);
}
