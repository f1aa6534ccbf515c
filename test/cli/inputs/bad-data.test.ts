import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { Client, type Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readJson, type RunOutcome } from '../../../cli/runs.js';
import { tokenizerJson, trainTokenizer, writeParquet } from '../../../lib/data/index.js';
import { openHome } from '../../../lib/home.js';
import { connect, localServer } from '../../../workers/connection.js';
import type { StackInfo } from '../../../workers/home-lock.js';
import { freePort } from '../../../workers/ports.js';
import { bliss, place, processesWith, start, until, type Started } from '../bliss.js';
import { documents, writeConfig, type OwnConfig } from '../corpus.js';

/** What is wrong with data is found by the prepare stage: one stack for all of it. */
const { folder, home: root } = place();
const home = openHome(root);
const at = (name: string): string => path.join(folder, name);
const good = documents(0, 60);
const SHORT = ['--set', 'bilevel.outerSteps=3', '--set', 'warmUp.steps=3', '--set', 'warmUp.warmUpSteps=1', '--set', 'pretraining.steps=3', '--set', 'pretraining.decay.steps=2', '--set', 'pretraining.warmUpSteps=1'];
let stack: Started;
let connection: Connection;

beforeAll(async () => {
  stack = start(['dev', '--home', root, '--port', String(await freePort()), '--ui-port', String(await freePort())]);
  const info = await until('the stack', () => {
    if (stack.child.exitCode !== null) throw new Error(stack.text());
    return readJson<StackInfo>(home.stackFile);
  });
  connection = await connect(localServer({ address: info.address ?? '', namespace: info.namespace }));
  writeFileSync(at('held-out.jsonl'), `${documents(1_000, 120).join('\n')}\n`);
  writeFileSync(at('good.jsonl'), `${good.join('\n')}\n`);
}, 60_000);
afterAll(async () => {
  await connection?.close();
  stack?.child.kill('SIGINT');
  await stack?.ended;
  expect(processesWith(root)).toEqual([]);
});

interface Answer {
  readonly run: string;
  readonly state: string;
  readonly report: string | null;
  readonly error: { readonly code: string; readonly message: string; readonly fix?: string; readonly mend?: string; readonly stage?: string };
}

interface Fault {
  readonly name: string;
  /** makes the files; @returns what the configuration says otherwise */
  readonly given: () => Promise<Partial<OwnConfig>> | Partial<OwnConfig>;
  readonly code: 'DataInvalid' | 'DataCorrupt';
  /** begins with where: the file and its line or row group, or the field */
  readonly message: string | RegExp;
  readonly fix: RegExp;
}

const write = (name: string, content: string | Uint8Array): { corpus: string } => {
  writeFileSync(at(name), content);
  return { corpus: name };
};
const packed = gzipSync(good.join('\n'));

async function parquet(name: string, column: string, change: (bytes: Buffer) => Buffer = (bytes) => bytes): Promise<{ corpus: string }> {
  const rows = good.map((line) => ({ [column]: (JSON.parse(line) as { text: string }).text }));
  await writeParquet({ file: at(name), schema: { [column]: { type: 'UTF8' } }, rows });
  return write(name, change(readFileSync(at(name))));
}

/** a byte-level BPE of more entries than the models of `smoke` have */
function largeTokenizer(): string {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte).map((byte) => ((byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174 ? byte : undefined));
  let next = 256;
  const alphabet = bytes.map((byte) => String.fromCodePoint(byte ?? next++));
  const merges = alphabet.slice(65, 91).flatMap((a) => alphabet.slice(97, 123).map((b) => [a, b]));
  const entries = [...alphabet, ...merges.map((pair) => pair.join(''))];
  return JSON.stringify({
    added_tokens: [{ id: entries.length, content: '<|endoftext|>' }],
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
    model: { type: 'BPE', vocab: Object.fromEntries(entries.map((entry, id) => [entry, id])), merges },
  });
}

/** a tokenised source as the corpus, with a tokenizer that fits */
async function tokenised(name: string, content: string | Uint8Array): Promise<Partial<OwnConfig>> {
  writeFileSync(at(name), content);
  writeFileSync(at(`${name}.tokenizer.json`), tokenizerJson(await trainTokenizer({ texts: good, vocabularySize: 300, sampleBytes: 10_000 })));
  return { source: `{ type: tokens, name: ids, paths: [${name}] }`, more: `tokenizer: { type: file, path: ${name}.tokenizer.json }\n` };
}

/** a byte of Spark's file flipped, in the text itself */
function flipped(): Partial<OwnConfig> {
  const bytes = readFileSync(path.join(import.meta.dirname, '../../fixtures/parquet-writers/spark-snappy.parquet'));
  bytes[bytes.indexOf('document') + 3] ^= 4;
  return write('flipped.parquet', bytes);
}

const faults: Fault[] = [
  { name: 'empty', given: () => write('empty.jsonl', '\n'), code: 'DataInvalid', message: `data.sources[0].paths: there is no text in ${at('empty.jsonl')}`, fix: /check the files/ },
  { name: 'small', given: () => write('small.jsonl', good.slice(0, 2).join('\n')), code: 'DataInvalid', message: /^data: the corpus has \d+ rows of 32 tokens, 128 are needed \(2 groups of 64\)$/, fix: /^lower data\.rowsPerGroup to \d+, or rounds, or add text$/ },
  { name: 'same', given: () => ({ corpus: 'held-out.jsonl' }), code: 'DataInvalid', message: /^data: the corpus has 0 rows .*; 120 of its documents are left out, as heldOut\.source holds them$/, fix: /hold out other documents/ },
  { name: 'cut-gzip', given: () => write('cut.jsonl.gz', packed.subarray(0, packed.length - 40)), code: 'DataCorrupt', message: `${at('cut.jsonl.gz')}: the gzip stream ends early: the file is cut off`, fix: /copy or download the file again/ },
  { name: 'no-field', given: () => write('no-field.jsonl', [...good.slice(0, 3), '{"body": "x"}'].join('\n')), code: 'DataInvalid', message: `${at('no-field.jsonl')}:4: there is no field text; the line has body`, fix: /set textColumn/ },
  { name: 'latin', given: () => write('latin.jsonl', Buffer.concat([Buffer.from(`${good[0]}\n`), Buffer.from('{"text": "caf\xe9"}\n', 'latin1')])), code: 'DataInvalid', message: `${at('latin.jsonl')}:2: the text is not UTF-8`, fix: /convert the file/ },
  { name: 'no-column', given: () => parquet('no-column.parquet', 'body'), code: 'DataInvalid', message: `${at('no-column.parquet')}: there is no column text; the file has body`, fix: /set textColumn/ },
  { name: 'cut-parquet', given: () => parquet('cut.parquet', 'text', (bytes) => bytes.subarray(0, bytes.length - 20)), code: 'DataCorrupt', message: new RegExp(`^${at('cut.parquet')}: cannot be read as Parquet`), fix: /check that the file is whole/ },
  { name: 'broken-parquet', given: () => parquet('broken.parquet', 'text', (bytes) => bytes.fill(0xff, 4, 400)), code: 'DataCorrupt', message: new RegExp(`^${at('broken.parquet')} \\(row group 0\\): cannot be read as Parquet`), fix: /check that the file is whole/ },
  { name: 'held-out', given: () => ({ ...write('one.jsonl', good.slice(0, 1).join('\n')), corpus: 'good.jsonl', heldOut: 'one.jsonl' }), code: 'DataInvalid', message: /^heldOut\.validation: the held-out documents give \d+ passages for the validation set, 32 are wanted/, fix: /lower heldOut\.validation or add documents/ },
  { name: 'large-tokenizer', given: () => ({ ...write('large.json', largeTokenizer()), corpus: 'good.jsonl', more: 'tokenizer: { type: file, path: large.json }\n' }), code: 'DataInvalid', message: `${at('large.json')}: the tokenizer has ids up to 932, models.vocabularySize 512 ends at 511`, fix: /raise models\.vocabularySize to at least 933, or give a tokenizer with fewer entries/ },
  { name: 'other-tokenizer', given: () => ({ ...write('unigram.json', JSON.stringify({ model: { type: 'Unigram', vocab: [] } })), corpus: 'good.jsonl', more: 'tokenizer: { type: file, path: unigram.json }\n' }), code: 'DataInvalid', message: `${at('unigram.json')}: the tokenizer's model is Unigram, not byte-level BPE`, fix: /use a byte-level BPE/ },
  { name: 'large-id', given: () => tokenised('large-id.jsonl', [...Array.from({ length: 20 }, () => '{"input_ids": [1, 2, 3]}'), '{"input_ids": [4, 512]}'].join('\n')), code: 'DataInvalid', message: `${at('large-id.jsonl')}:21: entry 1 of input_ids is 512, models.vocabularySize 512 ends at 511`, fix: /^raise models\.vocabularySize to at least 513, or check that the ids are of the tokenizer given$/ },
  { name: 'odd-bin', given: () => tokenised('odd.bin', Buffer.alloc(2_001, 1)), code: 'DataCorrupt', message: `${at('odd.bin')}: 2001 bytes are no whole number of uint16 ids`, fix: /set dtype .*, or copy the file again/ },
  { name: 'flipped-parquet', given: flipped, code: 'DataCorrupt', message: new RegExp(`^${at('flipped.parquet')} \\(row group 0\\): cannot be read as Parquet \\(a page of column text has another checksum than was written`), fix: /copy it again/ },
  { name: 'no-tokenizer', given: () => ({ ...write('none.json', '{"model": '), corpus: 'good.jsonl', more: 'tokenizer: { type: file, path: none.json }\n' }), code: 'DataInvalid', message: new RegExp(`^${at('none.json')}: the tokenizer is no JSON`), fix: /check that the file is whole/ },
];

/** Everything under the home that a stage could leave half-done, and every artifact. */
const leftovers = (): string[] => (readdirSync(root, { recursive: true }) as string[]).filter((file) => /^store\/(?!fences)|\.shuffle|stage-|checkpoint-|\.parquet$/.test(file));

test.concurrent.each(faults)('$name: one error with where, what and the fix', async ({ name, given, code, message, fix }) => {
  const config = writeConfig({ folder, name, corpus: 'good.jsonl', ...(await given()) });
  const ended = await bliss(['run', config, '--name', name, '--home', root, '--json']);
  expect(ended.code).toBe(1);
  expect(ended.stdout.trim().split('\n')).toHaveLength(1);
  const { error: { mend, ...error }, ...answer } = JSON.parse(ended.stdout) as Answer;
  expect(answer).toMatchObject({ run: name, state: 'failed', report: null });
  expect(error).toMatchObject({ code, stage: 'seed-0/prepare' });
  if (typeof message === 'string') expect(error.message).toBe(message);
  else expect(error.message).toMatch(message);
  expect(error.fix).toMatch(fix);
  expect(mend).toBe(error.fix); // its former name, for this release
  // told once: what, the fix, and how to go on
  expect(ended.stderr.split(error.message)).toHaveLength(2);
  expect(ended.stderr).toContain(`  fix: ${error.fix}\n`);
  expect(ended.stderr).toContain(`  then: bliss resume ${name} --home ${root} `);
  expect(ended.stderr).not.toMatch(/\n\s+at /); // no stack trace
  expect(readJson<RunOutcome>(home.run(name).outcome)).toMatchObject({ state: 'failed', failure: error });
});

test('nothing is published or left half-done', () => {
  expect(readdirSync(home.runs).sort()).toEqual(faults.map(({ name }) => name).sort());
  expect(leftovers()).toEqual([]);
});

test('what Temporal shows of it says the same', async () => {
  const client = new Client({ connection });
  for (const id of ['cut-gzip', 'cut-gzip/seed-0/prepare']) {
    expect((await client.workflow.getHandle(id).describe()).status.name).toBe('FAILED');
    const error: unknown = await client.workflow.getHandle(id).result().catch((thrown: unknown) => thrown);
    const chain: unknown[] = [];
    for (let next = error; next instanceof Error; next = next.cause) chain.push(next);
    expect(chain).toContainEqual(expect.objectContaining({ type: 'DataCorrupt', message: expect.stringContaining(`${at('cut.jsonl.gz')}: the gzip stream ends early: the file is cut off; copy or download the file again`) as string }));
  }
  const status = await bliss(['status', 'cut-gzip', '--home', root]);
  expect(status.stdout).toContain('error: the run cut-gzip failed in seed-0/prepare');
  expect(status.stdout).toContain('  fix: copy or download the file again');
});

test('a broken line: with that fixed, resume ends the run', async () => {
  const corpus = at('fixed.jsonl');
  writeFileSync(corpus, [...good.slice(0, 7), '{"text": "cut o', ...good.slice(7), ''].join('\n'));
  const config = writeConfig({ folder, name: 'mine', corpus: 'fixed.jsonl' });
  const failed = await bliss(['run', config, '--home', root, ...SHORT]);
  expect(failed.code).toBe(1);
  // without --json too the reason is on standard error, and only there
  expect(failed.stderr).toContain(`DataInvalid: ${corpus}:8:`);
  expect(failed.stderr).toMatch(/^error: the run mine-1 failed in seed-0\/prepare\n.*\n {2}fix: correct or delete the line\n/);
  expect(failed.stdout).not.toContain(corpus);
  expect(existsSync(path.join(home.run('mine-1').history, 'seed-0.prepare.json'))).toBe(true);
  expect(readdirSync(home.runs)).toContain('mine-1');

  writeFileSync(corpus, `${good.join('\n')}\n`);
  const resumed = await bliss(['resume', 'mine-1', '--home', root, '--json']);
  expect({ code: resumed.code, ...(JSON.parse(resumed.stdout) as Answer) }).toMatchObject({ code: 0, state: 'done' });
  expect(leftovers().join(' ')).toContain('.parquet');
}, 120_000);
