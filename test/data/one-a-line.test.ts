import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { jsonRecords } from '../../lib/data/sources/records.js';
import { BlissError } from '../../lib/errors.js';
import { programOnPath } from '../needs/machine.js';
import { collect, temporaryFolder } from './temporary.js';

const texts = [{ text: 'one\n{' }, { text: 'two' }];
const forms: readonly (readonly [what: string, json: string, jq: string])[] = [
  ['objects over lines', texts.map((one) => JSON.stringify(one, undefined, 2)).join('\n'), 'jq -c .'],
  ['objects over lines, with tabs and Windows line ends', texts.map((one) => JSON.stringify(one, undefined, '\t')).join('\n').replaceAll('\n', '\r\n'), 'jq -c .'],
  ['a list over lines', JSON.stringify(texts, undefined, 2), "jq -c '.[]'"],
  ['a list with an object a line', `[${texts.map((one) => JSON.stringify(one)).join(',\n')}]\n`, "jq -c '.[]'"],
  ['a list whose bracket stands beside its first object', JSON.stringify(texts, undefined, 2).replace('[\n  {', '[{'), "jq -c '.[]'"],
  ['a list in one line', JSON.stringify(texts), "jq -c '.[]'"],
];

async function refusal(file: string): Promise<BlissError> {
  const error = await collect(jsonRecords(file)).then(() => undefined, (thrown: unknown) => thrown);
  if (error instanceof BlissError) return error;
  throw new Error('nothing was refused', { cause: error });
}

describe('JSON that is no JSON lines', () => {
  test.each(forms)('%s says what makes it so', async (_what, json, jq) => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'my corpus.json');
    await writeFile(file, json);
    const error = await refusal(file);
    expect(error).toMatchObject({ code: 'DataInvalid', where: `${file}:1`, fix: `write one JSON object a line: ${jq} '${file}' > 'my corpus-lines.jsonl'` });
    await writeFile(`${file}.gz`, gzipSync(json));
    expect((await refusal(`${file}.gz`)).fix).toBe(`write one JSON object a line: gzip -dc '${file}.gz' | ${jq} > 'my corpus-lines.jsonl'`);
  });

  test.for(forms)('%s is read after that command', async ([, json], context) => {
    programOnPath({ context, names: ['jq'], need: 'jq' });
    const folder = await temporaryFolder();
    const file = path.join(folder, "it's.json");
    await writeFile(file, json);
    const command = (await refusal(file)).fix?.split(': ').slice(1).join(': ') ?? '';
    expect(spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' }).stderr).toBe('');
    expect((await collect(jsonRecords(path.join(folder, "it's-lines.jsonl")))).map(({ record }) => record)).toEqual(texts);
    expect(await readFile(file, 'utf8')).toBe(json);
  });

  test('a line that is cut off, or a list of ids, is told as before', async () => {
    const file = path.join(await temporaryFolder(), 'a.jsonl');
    await writeFile(file, '{"text": "a"}\n{"text": "b');
    expect(await refusal(file)).toMatchObject({ fix: 'correct or delete the line', bare: expect.stringContaining('the line is no JSON') });
    await writeFile(file, '[1, 2]\n');
    expect(await refusal(file)).toMatchObject({ bare: 'the line is a list, not an object' });
  });
});
