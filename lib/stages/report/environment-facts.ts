import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { RunConfig } from '../../../config/schema.js';
import { packageRoot, packageVersion } from '../../package-root.js';

/** What a reader of the report may want to know of the machine: no part of any digest. */
export function environmentFacts(config: RunConfig): Record<string, string | number> {
  return {
    'BLISS Pipeline': packageVersion(),
    'Node.js': process.version,
    TensorFlow: tensorFlowVersion(),
    compiler: config.runtime.compiler,
    precision: config.runtime.precision,
    processor: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    'memory (GiB)': Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()}`,
  };
}

/** As the trainers' library says; written into the environment by set-up's record, to be read without loading it here. */
function tensorFlowVersion(): string {
  try {
    const record = JSON.parse(readFileSync(path.join(packageRoot(), 'node_modules', '.bliss-setup.json'), 'utf8')) as { tensorflow?: { version?: string; device?: string } }; // written by setup/
    return `${record.tensorflow?.version ?? 'unknown'} (${record.tensorflow?.device ?? 'unknown device'})`;
  } catch {
    return 'unknown'; // tests run from source without set-up's record
  }
}
