import path from 'node:path';
import { workerSchema } from '../../config/sections/run.js';
import type { PipelineInput } from '../../workflows/types.js';
import type { Preemption } from '../../workers/preemption.js';

/** What a run's configuration says of notices, for a stack that is started for it. */
export function preemptionOf({ config, configFolder }: Pick<PipelineInput, 'config' | 'configFolder'>): Preemption {
  const worker = workerSchema.parse(config.worker); // a run of an earlier version lacks what has come since
  return { noticeSeconds: worker.preemptionNotice, ...(worker.preemptionFile === undefined ? {} : { file: path.resolve(configFolder, worker.preemptionFile) }) };
}
