import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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

/** A GPU, or a part of one, as `nvidia-smi -L` lists it. */
export interface GpuDevice {
  /** position among whole GPUs, by the order on the bus; null for a part */
  readonly index: number | null;
  /** `GPU-…` or `MIG-…` */
  readonly uuid: string;
  /** `NVIDIA H100 80GB HBM3`; of a part `NVIDIA H100 80GB HBM3, MIG 1g.10gb` */
  readonly model: string;
}

/** GPUs in the order on the bus, each before its parts; empty without a driver. */
export function listGpus(driverFolder = '/proc/driver/nvidia/gpus'): readonly GpuDevice[] {
  try {
    return parseGpus(execFileSync('nvidia-smi', ['-L'], { encoding: 'utf8', timeout: 20_000, stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return gpusOfDriver(driverFolder); // a container may have the driver without its tools
  }
}

/** Whole GPUs by the kernel's own list, whose folders are named by the place on the bus. */
function gpusOfDriver(folder: string): readonly GpuDevice[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).toSorted().map((gpu, index) => {
    const text = readFileSync(path.join(folder, gpu, 'information'), 'utf8');
    const field = (name: RegExp): string | undefined => name.exec(text)?.[1].trim();
    return { index, uuid: field(/^GPU UUID:(.*)$/m) ?? '', model: field(/^Model:(.*)$/m) ?? 'unknown GPU' };
  });
}

/** Models of the whole GPUs, in the order on the bus. */
export const gpuModels = (): readonly string[] => listGpus().flatMap(({ index, model }) => (index === null ? [] : [model]));

/** @param text what `nvidia-smi -L` says */
export function parseGpus(text: string): readonly GpuDevice[] {
  const devices: GpuDevice[] = [];
  let whole = 'unknown GPU';
  for (const line of text.split('\n')) {
    const gpu = /^GPU (\d+): (.+) \(UUID: (\S+)\)/.exec(line);
    const part = /^\s+(MIG \S+)\s+Device\s+\d+: \(UUID: (\S+)\)/.exec(line);
    if (gpu !== null) {
      whole = gpu[2];
      devices.push({ index: Number(gpu[1]), uuid: gpu[3], model: whole });
    } else if (part !== null) devices.push({ index: null, uuid: part[2], model: `${whole}, ${part[1]}` });
  }
  return devices;
}

export interface GpuModel {
  /** value of CUDA_VISIBLE_DEVICES: positions on the bus, UUIDs or beginnings of them; undefined: all are visible */
  readonly visible: string | undefined;
  readonly devices: readonly GpuDevice[];
}

/** Model of the GPU that TensorFlow computes on: the first visible one. */
export function gpuModel({ visible, devices }: GpuModel): string {
  const first = visible === undefined ? '0' : (visible.split(',')[0] ?? '').trim();
  const found = /^\d+$/.test(first) ? devices.find(({ index }) => index === Number(first)) : devices.find(({ uuid }) => first !== '' && uuid.startsWith(first));
  return found?.model ?? 'unknown GPU';
}
