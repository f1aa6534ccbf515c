import { createHash } from 'node:crypto';
import { nativeBinding } from './native.js';
import { cpuFeatures, gpuModels } from './processor.js';

/** What may change the bits of a result besides its inputs. Recorded in every checkpoint.  @see docs/design.md "Principles" */
export interface NumericsParts {
  /** sha256 of the program's graph; tells the compiler mode and the split into functions apart */
  readonly program: string;
  readonly tensorflow: string;
  /** flags of XLA and TensorFlow, without those that only say where a cache lies */
  readonly flags: string;
  /** CPU features, or the GPU's model */
  readonly device: string;
}

export interface NumericsFingerprint {
  /** sha256 of the parts, hex */
  readonly digest: string;
  readonly parts: NumericsParts;
}

/** settings that change which kernels run, or how */
const numericVariables = ['XLA_FLAGS', 'TF_XLA_FLAGS', 'TF_ENABLE_ONEDNN_OPTS', 'TF_DETERMINISTIC_OPS', 'NVIDIA_TF32_OVERRIDE'];
const cacheFlag = /^--tf_xla_persistent_cache_/;

export function numericsFingerprint({ programDigest }: { readonly programDigest: string }): NumericsFingerprint {
  const binding = nativeBinding();
  const flags = numericVariables.flatMap((variable) => {
    const value = (process.env[variable] ?? '').split(/\s+/).filter((flag) => flag !== '' && !cacheFlag.test(flag));
    return value.length > 0 ? [`${variable}=${value.join(' ')}`] : [];
  });
  const parts: NumericsParts = {
    program: programDigest,
    tensorflow: binding.TF_Version,
    flags: flags.join(' '),
    device: binding.isUsingGpuDevice() ? gpuModels().join(', ') : cpuFeatures(),
  };
  const text = JSON.stringify([parts.program, parts.tensorflow, parts.flags, parts.device]);
  return { digest: createHash('sha256').update(text).digest('hex'), parts };
}
