import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { invalid } from './invalid.js';
import { walk, type FoundFile, type Step } from './walk.js';

const MAGIC = /[*?[]/;

export const isGlob = (pattern: string): boolean => MAGIC.test(pattern);

export interface Glob {
  /** that a relative pattern starts from; no part of it is a pattern */
  readonly folder: string;
  /** `*`, `?`, `[…]`, `[!…]`; `**` for any number of folders */
  readonly pattern: string;
  /** field of the configuration, for errors */
  readonly field: string;
}

/** What a pattern matches. */
export interface Matched {
  /** absolute: the pattern's fixed part */
  readonly start: string;
  readonly files: readonly FoundFile[];
  /** whether the last part of the pattern matches such a name */
  readonly matches: (name: string) => boolean;
}

/**
 * The files that a shell's pattern matches, sorted by path: names that begin with a dot only where the pattern's part does, links followed, each real
 * file once. A part with brackets that is the name of something means that.
 * @throws BlissError DataInvalid, as `walk`
 */
export async function glob({ folder, pattern, field }: Glob): Promise<Matched> {
  const parts = pattern.split('/').filter((part) => part !== '' && part !== '.');
  let start = path.isAbsolute(pattern) ? path.parse(pattern).root : folder;
  let first = 0;
  for (; first < parts.length - 1; first++) {
    const child = path.join(start, parts[first]);
    if (MAGIC.test(parts[first]) && (/[*?]/.test(parts[first]) || !(await isThere(child)))) break;
    start = child;
  }
  const steps = parts.slice(first).map((part) => stepOf(part, field));
  const lastStep = steps[steps.length - 1];
  if (lastStep.kind === 'folders') steps.push(ANY_NAME);
  return { start, files: await walk({ folder: start, steps, leftOut: isHidden }), matches: (name) => lastStep.kind === 'folders' || (lastStep.kind === 'match' ? lastStep.matches(name) : lastStep.name === name) };
}

const isThere = (file: string): Promise<boolean> => lstat(file).then(() => true, () => false);
const isHidden = (name: string): boolean => name.startsWith('.');
const ANY_NAME: Step = { kind: 'match', matches: (name) => !isHidden(name) };

function stepOf(part: string, field: string): Step {
  if (part === '**') return { kind: 'folders' };
  if (!MAGIC.test(part)) return { kind: 'name', name: part };
  const pattern = expression(part, field);
  return { kind: 'match', matches: (name) => (part.startsWith('.') || !isHidden(name)) && (pattern.test(name) || (name === part && part.includes('['))) };
}

/** `[` without its `]` is itself. */
function expression(part: string, field: string): RegExp {
  const source = part.replace(/\*+|\?|\[[!^]?\]?[^\]]*\]|[^]/gu, (piece) => {
    if (piece.startsWith('*')) return '[^]*';
    if (piece === '?') return '[^]';
    if (piece.length === 1 || !piece.startsWith('[')) return piece.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
    const [, not, set] = /^\[([!^]?)(.*)\]$/su.exec(piece) ?? ['', '', ''];
    return `[${not === '' ? '' : '^'}${set.replace(/[\\\][^&]/g, '\\$&')}]`;
  });
  try {
    return new RegExp(`^${source}$`, 'u');
  } catch (error) {
    throw invalid(field, `${part} is no pattern`, 'write ranges in brackets upwards, as [0-9]', error);
  }
}
