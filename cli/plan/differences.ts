/** A field in which two JSON values differ. */
export interface Difference {
  /** `bilevel.outerSteps` */
  readonly field: string;
  readonly before: unknown;
  readonly now: unknown;
}

/** Every leaf in which they differ, in the order of their fields. */
export function differences(before: unknown, now: unknown, at = ''): Difference[] {
  if (areInputs(before) && areInputs(now)) return inputDifferences(before, now, at);
  if (isContainer(before) && isContainer(now) && Array.isArray(before) === Array.isArray(now)) {
    const fields = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
    return fields.flatMap((field) => differences(before[field], now[field], at === '' ? field : `${at}.${field}`));
  }
  return JSON.stringify(before) === JSON.stringify(now) ? [] : [{ field: at, before, now }];
}

const isContainer = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

interface Input {
  readonly name: string;
  readonly sha256: string;
}

const areInputs = (value: unknown): value is readonly Input[] => Array.isArray(value) && value.length > 0 && value.every((item) => isContainer(item) && typeof item['name'] === 'string' && typeof item['sha256'] === 'string');

/** Files by name and content: what was added in front of others has not changed them. */
function inputDifferences(before: readonly Input[], now: readonly Input[], at: string): Difference[] {
  const [was, is] = [before, now].map((inputs) => new Map(inputs.map((input) => [input.name, input.sha256])));
  const gone = new Map(before.filter(({ name }) => !is.has(name)).map(({ name, sha256 }) => [sha256, name]));
  const found: Difference[] = [];
  for (const { name, sha256 } of now) {
    const earlier = was.get(name);
    if (earlier === sha256) continue;
    if (earlier !== undefined) {
      found.push({ field: `${at}.${name}.sha256`, before: earlier, now: sha256 });
      continue;
    }
    const renamed = gone.get(sha256);
    gone.delete(sha256);
    found.push({ field: at, before: renamed, now: name });
  }
  for (const { name, sha256 } of before) if (gone.get(sha256) === name) found.push({ field: at, before: name, now: undefined });
  const isReordered = found.length === 0 && (before.length !== now.length || before.some(({ name }, i) => name !== now[i].name));
  return isReordered ? [{ field: at, before: before.map(({ name }) => name), now: now.map(({ name }) => name) }] : found;
}

const SHOWN = 3;
/** a digest says nothing to a reader */
const DIGEST = /(^|\.)(digest|sha256)$/;

/** `bilevel.outerSteps 120 → 60; another corpus` */
export function differenceText(found: readonly Difference[]): string {
  // what another version made is another thing, whatever else differs
  const ordered = found.toSorted((a, b) => Number(b.field === 'version') - Number(a.field === 'version'));
  const words = ordered.map(({ field, before, now }) => (DIGEST.test(field) ? `another ${field.replace(DIGEST, '')}` : `${field} ${short(before)} → ${short(now)}`));
  return words.slice(0, SHOWN).join('; ') + (words.length > SHOWN ? `; ${words.length - SHOWN} more` : '');
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent';
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
}
