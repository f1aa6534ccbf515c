import { createHash } from 'node:crypto';
import { libraryBytes, threadsOfAnOp } from './environment.js';
import { nativeBinding } from './native.js';
import { cpuFeatures, gpuModel, listGpus } from './processor.js';

/** What may change the bits of a result besides its inputs. Recorded in every checkpoint.  @see docs/design.md "Principles" */
export interface NumericsParts {
  /** sha256 of the program's graph; tells the compiler mode and the split into functions apart */
  readonly program: string;
  readonly tensorflow: string;
  /** bytes of TensorFlow's library: builds of one version (for the CPU, for CUDA, one's own) are compiled otherwise */
  readonly library: string;
  /** flags of XLA and TensorFlow, without those that only say where a cache lies */
  readonly flags: string;
  /** CPU features and threads of an op, or the GPU's model */
  readonly device: string;
}

export interface NumericsFingerprint {
  /** sha256 of the parts, hex */
  readonly digest: string;
  readonly parts: NumericsParts;
}

/** Settings that change which kernels run, or how: of TensorFlow, XLA, oneDNN and NVIDIA's libraries. */
// prettier-ignore
const numericVariables = [
  'XLA_FLAGS', 'TF_XLA_FLAGS', 'TF_ENABLE_ONEDNN_OPTS', 'TF_DETERMINISTIC_OPS', 'NVIDIA_TF32_OVERRIDE',
  'TF_SET_ONEDNN_FPMATH_MODE', 'TF_ENABLE_ZENDNN_OPTS', 'TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_LEVEL', 'TF_USE_CUBLASLT', 'TF_MATMUL_AUTOTUNE_ENABLE', 'TF_FP16_MATMUL_USE_FP32_COMPUTE',
  'ONEDNN_MAX_CPU_ISA', 'ONEDNN_DEFAULT_FPMATH_MODE', 'CUBLAS_WORKSPACE_CONFIG',
];
const cacheFlag = /^--tf_xla_persistent_cache_/;
/** a flag's value may be in quotes, with spaces in it */
const eachFlag = /(?:"(?:\\.|[^"\\])*"|'[^']*'|\S)+/g;

export function numericsFingerprint({ programDigest }: { readonly programDigest: string }): NumericsFingerprint {
  const binding = nativeBinding();
  const flags = numericVariables.flatMap((variable) => {
    const value = ((process.env[variable] ?? '').match(eachFlag) ?? []).filter((flag) => !cacheFlag.test(flag));
    return value.length > 0 ? [`${variable}=${value.join(' ')}`] : [];
  });
  const parts: NumericsParts = {
    program: programDigest,
    tensorflow: binding.TF_Version,
    library: `${libraryBytes()} bytes`,
    flags: flags.join(' '),
    device: binding.isUsingGpuDevice() ? visibleGpu() : `${cpuFeatures()} threads=${threadsOfAnOp()}`,
  };
  const text = JSON.stringify([parts.program, parts.tensorflow, parts.library, parts.flags, parts.device]);
  return { digest: createHash('sha256').update(text).digest('hex'), parts };
}

let known: string | undefined;
/** Which devices are visible is settled when TensorFlow loads; asking the driver may take seconds. */
const visibleGpu = (): string => (known ??= gpuModel({ visible: process.env['CUDA_VISIBLE_DEVICES'], devices: listGpus() }));
