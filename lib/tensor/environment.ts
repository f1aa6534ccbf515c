import { createHash } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
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
    // each load from the cache says E for its text format and for tuning features that name no instruction; real errors are thrown
    environment['TF_CPP_MIN_LOG_LEVEL'] = inherited['TF_CPP_MIN_LOG_LEVEL'] ?? '3';
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
  const parts = [cpuFeatures(), environment['XLA_FLAGS'] ?? '', libraryBytes()];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** Size of the TensorFlow library under the binding: another version has another. It cannot be asked for its version before it is loaded. */
function libraryBytes(): number {
  const packageFile = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json');
  return statSync(path.join(path.dirname(packageFile), 'deps/lib/libtensorflow_cc.so.2'), { throwIfNoEntry: false })?.size ?? 0;
}
