import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fileBlobs, openStore, type CheckpointRef, type Ref } from '../../lib/artifacts/index.js';
import { randomStream } from '../../lib/random.js';

const KILLS = 20;
const repository = fileURLToPath(new URL('../..', import.meta.url));
let built = '';

// The child is plain Node, which strips no types: the library is built for it, where its dependencies are found.
beforeAll(() => {
  mkdirSync(path.join(repository, 'node_modules', '.cache'), { recursive: true });
  built = mkdtempSync(path.join(repository, 'node_modules', '.cache', 'bliss-artifacts-'));
  writeFileSync(path.join(built, 'package.json'), '{"type":"module"}');
  writeFileSync(path.join(built, 'tsconfig.json'), JSON.stringify({
    extends: path.join(repository, 'tsconfig.json'),
    compilerOptions: { rootDir: repository, outDir: path.join(built, 'out'), noCheck: true, sourceMap: false, typeRoots: [path.join(repository, 'node_modules', '@types')] },
    include: [path.join(repository, 'lib', 'artifacts')],
  }));
  execFileSync(path.join(repository, 'node_modules', '.bin', 'tsc'), ['-p', built], { stdio: 'pipe' });
});
afterAll(() => rmSync(built, { recursive: true, force: true }));

interface Life { readonly from: number; readonly published: readonly Ref[]; readonly saved: readonly CheckpointRef[] }

/** One child, killed `delay` ms after it has said `messages` things; by what it did, not by the clock alone, so that a busy machine kills no earlier. */
function live({ root, life, messages, delay }: { root: string; life: number; messages: number; delay: number }): Promise<Life> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('publishing-child.mjs', import.meta.url)), path.join(built, 'out', 'lib', 'artifacts', 'index.js'), root, String(life)], { stdio: ['ignore', 'pipe', 'pipe'] });
    const published: Ref[] = [];
    const saved: CheckpointRef[] = [];
    let from = -1;
    let heard = 0;
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => { errors += chunk.toString(); });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const message = JSON.parse(line) as { begun?: number; from?: number; published?: Ref; saved?: CheckpointRef };
      if (message.from !== undefined) from = message.from;
      if (++heard === messages) setTimeout(() => child.kill('SIGKILL'), delay);
      if (message.published) published.push(message.published);
      if (message.saved) saved.push(message.saved);
    });
    child.on('close', (_, signal) => (signal === 'SIGKILL' ? resolve({ from, published, saved }) : reject(new Error(`child ended by itself: ${errors}`))));
  });
}

test(`killed ${KILLS} times in the middle of publishing, the store holds whole artifacts only, and all that was acknowledged`, async () => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'bliss-kill-'));
  const random = randomStream('kill');
  const acknowledged = new Map<string, Ref>();
  let lastSaved = 0;
  let torn = 0;
  for (let life = 1; life <= KILLS; life++) {
    const { from, published, saved } = await live({ root, life, messages: 1 + random.below(4), delay: 12 * random.uniform() });
    // what was acknowledged is gone on from; the one being written at the kill may have come through
    expect([lastSaved, lastSaved + 1]).toContain(from);
    expect(saved.map(({ step }) => step)).toEqual(saved.map((_, i) => from + 1 + i));
    lastSaved = saved.at(-1)?.step ?? from;
    for (const ref of published) acknowledged.set(ref.sha256, ref);

    const store = openStore({ blobs: fileBlobs({ root: path.join(root, 'store') }) });
    const keys = (await store.blobs.list('')).map(({ key }) => key);
    expect(keys.filter((key) => key.includes('.tmp-'))).toEqual([]);
    const folders = new Set(keys.map((key) => /^(.*\/[0-9a-f]{64})\//.exec(key)?.[1]).filter((folder) => folder !== undefined));
    for (const folder of folders) {
      if (!keys.includes(`${folder}/manifest.json`)) { torn++; continue; }
      const id = folder.slice(-64);
      const artifact = await store.open({ uri: `store:${folder}/manifest.json`, sha256: id, size: 0, digest: '' });
      for (const { name } of artifact.manifest.files) await artifact.file(name);
    }
    for (const ref of acknowledged.values()) await store.open(ref);
  }
  expect(torn).toBeGreaterThan(0); // else no kill hit the middle
  expect(acknowledged.size).toBeGreaterThan(3);
  await rm(root, { recursive: true });
});
