import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../../lib/home.js';

/** A Python that has PyTorch and transformers, or why there is none. */
export function findTransformers(): { readonly python: string } | { readonly why: string } {
  const asked = process.env['BLISS_TRANSFORMERS_PYTHON'];
  const python = asked ?? path.join(cacheFolder(), 'bench', 'pytorch', 'bin', 'python');
  if (asked === undefined && !existsSync(python)) return { why: 'BLISS_TRANSFORMERS_PYTHON names no Python, and the bench has made none' };
  const { status, stderr, error } = spawnSync(python, ['-c', 'import torch, transformers'], { encoding: 'utf8' });
  return status === 0 ? { python } : { why: `${python}: ${error?.message ?? stderr.trimEnd().split('\n').at(-1) ?? ''}` };
}
