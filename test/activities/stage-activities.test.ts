import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createControlActivities, createCpuActivities, createGpuActivities } from '../../activities/index.js';
import { STAGE_NAMES } from '../../config/tables/stages.js';
import { stageByName } from '../../lib/stages/index.js';
import { CONTROL_QUEUE, CPU_QUEUE, GPU_QUEUE } from '../../workflows/types.js';

const nothing = {} as Parameters<typeof createGpuActivities>[0] & Parameters<typeof createControlActivities>[0]; // none of it is reached
const registered: Readonly<Record<string, readonly string[]>> = {
  [GPU_QUEUE]: Object.keys(createGpuActivities(nothing)),
  [CPU_QUEUE]: Object.keys(createCpuActivities(nothing)),
  [CONTROL_QUEUE]: Object.keys(createControlActivities(nothing)),
};

test('every stage of the table is there, by its own name', () => {
  expect(STAGE_NAMES.map((name) => stageByName(name).name)).toEqual(STAGE_NAMES);
});

test('the CPU workers take stages without tensors, and scores by n-grams', () => {
  expect(registered[CPU_QUEUE]?.toSorted()).toEqual(['importWeights', 'prepareCorpus', 'scoreShards', 'selectRows', 'weighNgrams', 'writeReport']);
  expect(registered[GPU_QUEUE]?.toSorted()).toEqual(['evaluate', 'fineTuneProxy', 'fineTuneTarget', 'gatherGradients', 'gatherRepresentations', 'learnInfluence', 'learnScores', 'scoreShards', 'train']);
});

interface Event {
  readonly activityTaskScheduledEventAttributes?: { readonly activityType: { readonly name: string }; readonly taskQueue: { readonly name: string } };
}

test('whatever an open run of an earlier version asks for is registered by that name, on the queue that it asks on', () => {
  const folder = fileURLToPath(new URL('../fixtures/histories/', import.meta.url));
  const asked = new Set<string>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.gz'))) {
    const { events } = JSON.parse(gunzipSync(readFileSync(`${folder}${file}`)).toString('utf8')) as { readonly events: readonly Event[] };
    for (const { activityTaskScheduledEventAttributes: scheduled } of events) if (scheduled !== undefined) asked.add(`${scheduled.taskQueue.name}/${scheduled.activityType.name}`);
  }
  const known = Object.entries(registered).flatMap(([queue, names]) => names.map((name) => `${queue}/${name}`));
  expect(asked.size).toBeGreaterThan(8);
  expect([...asked].filter((one) => !known.includes(one))).toEqual([]);
});
