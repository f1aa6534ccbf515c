import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** instruction sets that compiled code may depend on */
const relevant = /^(avx|fma|f16c|bmi|sse4|amx|neon|asimd|sve)/;

/** Maker and instruction sets of this machine's processor: what decides the bits of compiled code. One line of text. */
export function cpuFeatures(): string {
  let info = '';
  try {
    info = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return `${os.arch()} ${os.cpus()[0]?.model ?? 'unknown'}`;
  }
  const field = (name: RegExp): string => name.exec(info)?.[1].trim() ?? '';
  const flags = field(/^(?:flags|Features)\s*:(.*)$/m).split(/\s+/);
  const used = [...new Set(flags.filter((flag) => relevant.test(flag)))].toSorted();
  return [os.arch(), field(/^vendor_id\s*:(.*)$/m), ...used].filter(Boolean).join(' ');
}

/** Models of the GPUs that the driver knows, sorted; empty without one. */
export function gpuModels(driverFolder = '/proc/driver/nvidia/gpus'): readonly string[] {
  try {
    return readdirSync(driverFolder)
      .map((gpu) => /^Model:\s*(.*)$/m.exec(readFileSync(path.join(driverFolder, gpu, 'information'), 'utf8'))?.[1] ?? 'unknown GPU')
      .toSorted();
  } catch {
    return [];
  }
}
