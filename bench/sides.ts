import type { BenchContext } from './bench.js';
import type { Side } from './compare.js';

/**
 * With glibc's defaults each step gives its large blocks back to the kernel and faults them in again, page by page: a quarter of an
 * eager step of Pythia 14M. PyTorch's tuning guide advises another allocator; these settings keep the blocks without one.
 */
export const KEPT_MEMORY: Readonly<Record<string, string>> = { MALLOC_MMAP_THRESHOLD_: String(2 ** 35), MALLOC_TRIM_THRESHOLD_: String(2 ** 35) };

/** PyTorch's ways of computing a specification: eager and compiled, as installed; with `tuned` also where malloc keeps its memory. */
export function pyTorchSides({ spec, context }: { readonly spec: object; readonly context: Pick<BenchContext, 'tuned'> }): Side[] {
  const plain: Side[] = [
    { name: 'PyTorch eager', side: 'pytorch', spec: { ...spec, compile: false } },
    { name: 'PyTorch compile', side: 'pytorch', spec: { ...spec, compile: true } },
  ];
  const tuned = plain.map((side): Side => ({ ...side, name: `${side.name}, malloc tuned`, tuned: true, environment: KEPT_MEMORY }));
  return context.tuned ? [...plain, ...tuned] : plain;
}
