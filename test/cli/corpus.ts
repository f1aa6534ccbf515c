import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** Sentences of a small world, the same every time. */
export function prose(seed: number, sentences: number): string {
  const pick = <T>(list: readonly T[], n: number): T | undefined => list[(seed * 7919 + n * 104_729 + ((seed * n) % 97)) % list.length];
  const subjects = ['The captain', 'A sailor', 'The old whale', 'My brother', 'The harbour', 'Every ship'];
  const verbs = ['saw', 'left', 'remembered', 'feared', 'followed', 'painted', 'lost'];
  const objects = ['the storm', 'a lantern', 'the island', 'his rope', 'the northern wind', 'that summer', 'a letter', 'the lighthouse'];
  return Array.from({ length: sentences }, (_, i) => `${pick(subjects, i)} ${pick(verbs, i * 3 + 1)} ${pick(objects, i * 5 + 2)} near ${pick(objects, i * 2 + 7)}.`).join(' ');
}

/** JSON lines; documents of other numbers are other texts. */
export const documents = (from: number, count: number): string[] => Array.from({ length: count }, (_, n) => JSON.stringify({ text: `${from + n}. ${prose(from + n, 60)}` }));

export interface OwnConfig {
  readonly folder: string;
  readonly name: string;
  /** files of the corpus, relative to the folder */
  readonly corpus: string;
  /** the source in YAML. @default the corpus as texts */
  readonly source?: string;
  /** @default held-out.jsonl */
  readonly heldOut?: string;
  /** more of the YAML */
  readonly more?: string;
}

/** A user's configuration of a few lines. @returns its path */
export function writeConfig({ folder, name, corpus, source = `{ type: files, name: corpus, paths: [${corpus}] }`, heldOut = 'held-out.jsonl', more = '' }: OwnConfig): string {
  const file = path.join(folder, `${name}.yaml`);
  writeFileSync(
    file,
    `extends: smoke
name: ${name}
data:
  rowsPerGroup: 64
  sources: [${source}]
heldOut:
  source: { type: files, paths: [${heldOut}] }
${more}`,
  );
  return file;
}
