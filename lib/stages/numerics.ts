import { BlissError } from '../errors.js';
import { numericsFingerprint, type NumericsFingerprint } from '../tensor/index.js';
import { readJson } from './corpus.js';
import { NUMERICS_FILE, type NumericsRecord } from './numerics-record.js';
import type { StageContext } from './types.js';

/**
 * Compares this process with the one that wrote the checkpoint a stage goes on from.
 * @returns the record for what this attempt writes
 * @throws BlissError NumericsDiffer (another worker may fit) where the setting is `strict`
 */
export async function checkNumerics({ context, programDigest, policy }: { readonly context: StageContext; readonly programDigest: string; readonly policy: 'strict' | 'continue' }): Promise<NumericsRecord> {
  const here = numericsFingerprint({ programDigest });
  if (context.resume === undefined) return { ...here, notBitComparableFromStep: null };
  const before = await readJson<NumericsRecord>(context.resume.artifact, NUMERICS_FILE);
  if (before.digest === here.digest) return { ...here, notBitComparableFromStep: before.notBitComparableFromStep };
  const changed = differences(before, here);
  const step = context.resume.step;
  if (policy === 'strict') {
    throw new BlissError({ code: 'NumericsDiffer', message: `the checkpoint at step ${step} was computed under another numerics fingerprint (${changed})`, where: 'runtime.numerics: strict', mend: 'start a worker like the one before, or set runtime.numerics to continue' });
  }
  context.event('numerics changed', `not bit-comparable from step ${step} on: ${changed}`);
  return { ...here, notBitComparableFromStep: before.notBitComparableFromStep ?? step };
}

function differences(before: NumericsFingerprint, here: NumericsFingerprint): string {
  const names = ['program', 'tensorflow', 'flags', 'device'] as const;
  return names.flatMap((name) => (before.parts[name] === here.parts[name] ? [] : [`${name} was '${short(before.parts[name])}', is '${short(here.parts[name])}'`])).join('; ');
}
const short = (text: string): string => (text.length > 40 ? `${text.slice(0, 37)}...` : text);
