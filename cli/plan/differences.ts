/** A field in which two JSON values differ. */
export interface Difference {
  /** `bilevel.outerSteps` */
  readonly field: string;
  readonly before: unknown;
  readonly now: unknown;
}

/** Every leaf in which they differ, in the order of their fields. */
export function differences(before: unknown, now: unknown, at = ''): Difference[] {
  if (isContainer(before) && isContainer(now) && Array.isArray(before) === Array.isArray(now)) {
    const fields = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
    return fields.flatMap((field) => differences(before[field], now[field], at === '' ? field : `${at}.${field}`));
  }
  return JSON.stringify(before) === JSON.stringify(now) ? [] : [{ field: at, before, now }];
}

const isContainer = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const SHOWN = 3;
/** a digest says nothing to a reader */
const DIGEST = /(^|\.)(digest|sha256)$/;

/** `bilevel.outerSteps 120 → 60; another corpus` */
export function differenceText(found: readonly Difference[]): string {
  const words = found.map(({ field, before, now }) => (DIGEST.test(field) ? `another ${field.replace(DIGEST, '')}` : `${field} ${short(before)} → ${short(now)}`));
  return words.slice(0, SHOWN).join('; ') + (words.length > SHOWN ? `; ${words.length - SHOWN} more` : '');
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent';
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
}
