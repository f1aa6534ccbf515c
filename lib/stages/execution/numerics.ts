import { BlissError } from '../../errors.js';
import { numericsFingerprint, type NumericsFingerprint } from '../../tensor/index.js';
import { NUMERICS_FILE, type NumericsRecord, readJson } from '../contents/index.js';
import type { StageContext } from '../types.js';

/**
 * Compares this process with the one that wrote the checkpoint a stage goes on from.
 * @returns the record for what this attempt writes
 * @throws BlissError NumericsDiffer (another worker may fit) where the setting is `strict`
 */
export async function checkNumerics({ context, programDigest, policy }: { readonly context: StageContext; readonly programDigest: string; readonly policy: 'strict' | 'continue' }): Promise<NumericsRecord> {
  const here = numericsFingerprint({ programDigest });
  if (context.resume === undefined) return { ...here, notBitComparableFromStep: null };
  const before = await readJson<NumericsRecord>(context.resume.artifact, NUMERICS_FILE);
  const { step } = context.resume;
  const same = before.digest === here.digest;
  if (!same) {
    const changed = differences(before, here);
    if (policy === 'strict') {
      throw new BlissError({ code: 'NumericsDiffer', message: `the checkpoint at step ${step} was computed under another numerics fingerprint (${changed})`, where: 'runtime.numerics: strict', fix: 'start a worker like the one before, or set runtime.numerics to continue' });
    }
    context.event('numerics changed', `not bit-comparable from step ${step} on: ${changed}`);
  }
  const from = before.notBitComparableFromStep ?? (same ? null : step);
  if (from !== null) context.note(`not bit-comparable from step ${from} on: it went on under another numerics fingerprint`);
  return { ...here, notBitComparableFromStep: from };
}

/** What differs, part by part; of long lists of flags and features the words that only one has. */
function differences(before: NumericsFingerprint, here: NumericsFingerprint): string {
  const names = ['program', 'tensorflow', 'library', 'flags', 'device'] as const;
  return names
    .filter((name) => before.parts[name] !== here.parts[name])
    .map((name) => {
      const [was, is] = [before.parts[name] ?? '', here.parts[name]].map((text) => text.split(' '));
      const only = (words: readonly string[], others: readonly string[]): string => short(words.filter((word) => !others.includes(word)).join(' '));
      return `${name} was '${only(was, is)}', is '${only(is, was)}'`;
    })
    .join('; ');
}
const short = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}...` : text);
