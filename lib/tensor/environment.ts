import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { cpuFeatures } from './processor.js';

/** TensorFlow reads its settings when it is loaded: this file must not import it. */
export interface TensorFlowOptions {
  /** folder for XLA's compiled code, kept between processes; no cache by default. It is made, with a folder a kind of processor. */
  readonly xlaCache?: string;
  /** threads of one op; all cores by default. Results do not depend on it. */
  readonly threads?: number;
  /** bit-identical results on a GPU too, at some cost: no TF32, deterministic kernels, no autotuning. @default false */
  readonly deterministic?: boolean;
}

/**
 * Environment variables for a process that will load TensorFlow.
 * @param inherited its flags are kept and added to
 */
export function tensorFlowEnvironment(
  { xlaCache, threads, deterministic = false }: TensorFlowOptions,
  inherited: Readonly<NodeJS.ProcessEnv> = process.env,
): Record<string, string> {
  const environment: Record<string, string> = {};
  const addFlags = (variable: string, ...flags: string[]): void => {
    environment[variable] = [inherited[variable], ...flags].filter(Boolean).join(' ');
  };
  if (threads !== undefined) {
    environment['TF_NUM_INTRAOP_THREADS'] = String(threads);
    environment['TF_NUM_INTEROP_THREADS'] = String(threads);
  }
  if (deterministic) {
    environment['NVIDIA_TF32_OVERRIDE'] = '0';
    environment['TF_DETERMINISTIC_OPS'] = '1';
    addFlags('XLA_FLAGS', '--xla_gpu_deterministic_ops=true', '--xla_gpu_autotune_level=0');
  }
  if (xlaCache !== undefined) {
    const folder = path.join(xlaCache, processorKey({ ...inherited, ...environment }));
    mkdirSync(folder, { recursive: true });
    addFlags('TF_XLA_FLAGS', `--tf_xla_persistent_cache_directory=${folder}`, '--tf_xla_persistent_cache_device_types=CPU');
  }
  return environment;
}

/** Sets the environment of this process. Call it before anything imports `tf`. */
export function configureTensorFlow(options: TensorFlowOptions): void {
  Object.assign(process.env, tensorFlowEnvironment(options));
}

/**
 * XLA's cache is keyed by the computation and not by the processor's instruction set: code for AVX-512 was loaded under AVX2. Hence
 * a folder for each set of instructions, flags and TensorFlow library.
 */
function processorKey(environment: Readonly<NodeJS.ProcessEnv>): string {
  const parts = [cpuFeatures(), environment['XLA_FLAGS'] ?? '', environment['BLISS_TENSORFLOW_DIR'] ?? ''];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
