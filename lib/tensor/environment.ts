import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { cpuFeatures } from './processor.js';

/** TensorFlow reads its settings when it is loaded: this file must not import it. */
export interface TensorFlowOptions {
  /**
   * Folders for XLA's compiled code, kept between processes; no cache by default. It is the first that this user can write to, made where it is missing,
   * with a folder a kind of processor; none where there is no such: XLA fails at each program whose code it cannot put down.
   */
  readonly xlaCache?: readonly string[];
  /**
   * Threads of one op; all cores by default. XLA's code for the CPU is compiled for their number, and its results depend on it
   * in the last digits, whatever the number of cores: with 1, 2, 4 and 8 threads a training step gave four different sets of bits.
   */
  readonly threads?: number;
  /**
   * XLA on a CPU drops optimization barriers before its last search for equal expressions, which then undoes recomputation: a step with
   * blocks computed again held as much as one without. Kept, its peak fell by 30% (6 × 256 at T = 1,024). A GPU's compiler is left as it is. @default false
   */
  readonly keepBarriers?: boolean;
  /** the same bits from run to run on a GPU too, at some cost: no TF32, deterministic kernels, no autotuning. Nothing to the CPU. @default false */
  readonly deterministic?: boolean;
}

/**
 * Environment variables for a process that will load TensorFlow.
 * @param inherited its flags are kept and added to
 */
export function tensorFlowEnvironment(
  { xlaCache = [], threads, deterministic = false, keepBarriers = false }: TensorFlowOptions,
  inherited: Readonly<NodeJS.ProcessEnv> = process.env,
): Record<string, string> {
  const environment: Record<string, string> = {
    // all of a GPU's memory would be taken at once otherwise, from `bliss doctor` or a test beside a run too
    TF_FORCE_GPU_ALLOW_GROWTH: inherited['TF_FORCE_GPU_ALLOW_GROWTH'] ?? 'true',
    // CUDA counts the fastest device first, nvidia-smi by the place on the bus: one number shall mean one device
    CUDA_DEVICE_ORDER: inherited['CUDA_DEVICE_ORDER'] ?? 'PCI_BUS_ID',
  };
  const addFlags = (variable: string, ...flags: string[]): void => {
    environment[variable] = [environment[variable] ?? inherited[variable], ...flags].filter(Boolean).join(' ');
  };
  if (threads !== undefined) {
    environment['TF_NUM_INTRAOP_THREADS'] = String(threads);
    environment['TF_NUM_INTEROP_THREADS'] = inherited['TF_NUM_INTEROP_THREADS'] ?? String(threads);
  }
  if (keepBarriers) addFlags('XLA_FLAGS', '--xla_disable_hlo_passes=cse_barrier_expander');
  if (deterministic) {
    environment['NVIDIA_TF32_OVERRIDE'] = '0';
    environment['TF_DETERMINISTIC_OPS'] = '1';
    // Triton's products know nothing of the override above; sums over equal indices would go one by one without the expander
    addFlags('XLA_FLAGS', '--xla_gpu_deterministic_ops=true', '--xla_gpu_autotune_level=0', '--xla_gpu_enable_triton_gemm=false', '--xla_gpu_enable_scatter_determinism_expander=true');
  }
  const kind = xlaCache.length > 0 ? processorKey({ ...inherited, ...environment }) : '';
  const folder = xlaCache.map((cache) => path.join(cache, kind)).find(madeWritable);
  if (folder !== undefined) {
    // each load from the cache says E for its text format and for tuning features that name no instruction; real errors are thrown
    environment['TF_CPP_MIN_LOG_LEVEL'] = inherited['TF_CPP_MIN_LOG_LEVEL'] ?? '3';
    addFlags('TF_XLA_FLAGS', `--tf_xla_persistent_cache_directory=${flagText(folder)}`, '--tf_xla_persistent_cache_device_types=CPU');
  }
  return environment;
}

function madeWritable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false; // of another user, who shares the rest of his cache; or on a file system that is only read
  }
}

/** TensorFlow divides its flags at white space, but for quotes, in which a backslash stands before what is meant as it is. */
const flagText = (text: string): string => (/^[\w./:+,=@%#~-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`);

/**
 * XLA's cache is keyed by the computation and not by the processor: code for AVX-512 was loaded under AVX2. Hence a folder for each
 * set of instructions, number of threads, flags and TensorFlow library.
 */
function processorKey(environment: Readonly<NodeJS.ProcessEnv>): string {
  const parts = [cpuFeatures(), threadsOfAnOp(environment), environment['XLA_FLAGS'] ?? '', libraryBytes()];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** As TensorFlow takes it: as many as there are cores where nothing says otherwise. */
export const threadsOfAnOp = (environment: Readonly<NodeJS.ProcessEnv> = process.env): number => Number(environment['TF_NUM_INTRAOP_THREADS'] ?? 0) || os.availableParallelism();

/** Size of the TensorFlow library under the binding: another version has another. It cannot be asked for its version before it is loaded. */
export function libraryBytes(): number {
  const packageFile = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json');
  return statSync(path.join(path.dirname(packageFile), 'deps/lib/libtensorflow_cc.so.2'), { throwIfNoEntry: false })?.size ?? 0;
}
