// Publishes and saves checkpoints as fast as it can until it is killed; says on stdout what it was told is done.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const [library, root, life] = process.argv.slice(2);
const { checkpoints, fileBlobs, openStore, sha256 } = await import(library);
const store = openStore({ blobs: fileBlobs({ root: path.join(root, 'store') }) });
const series = checkpoints({ store, run: 'demo', stage: 'seed-0/pretraining' });
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const epoch = await series.claimEpoch({ claimant: `life-${life}` });
const token = { epoch, attempt: 1 };
const base = await series.begin({ token });
let from = 0;
if (base !== undefined) from = base.step;
say({ begun: epoch, from });
for (let step = from + 1; ; step++) {
  const folder = mkdtempSync(path.join(root, 'child-'));
  for (let i = 0; i < 12; i++) writeFileSync(path.join(folder, `part-${i}.bin`), `${step} ${i} `.repeat(2_000));
  const facts = { folder, digest: sha256(String(step)), summary: { step } };
  const ref = await store.publish({ kind: 'state', lineage: { stage: 's', stageVersion: 1, inputs: {} }, ...facts });
  say({ published: ref });
  say({ saved: await series.save({ token, step, ...facts }) });
  await series.prune({ token, keep: 2 });
  rmSync(folder, { recursive: true });
}
