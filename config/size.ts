import { BlissError } from '../lib/errors.js';
import { fieldName, type FieldPath } from './problem.js';
import { isRecord } from './schema-tree.js';

/** Temporal takes an argument of 2 MiB; what is left is for the run's name, its folder and what it takes over. */
const MOST_BYTES = 2_000_000;
/** Temporal takes a message of 4 MiB, and one begins the first stage of every seed. */
const MOST_BYTES_OF_SEEDS = 3_600_000;
/** A file whose run is of 2 MB has less, comments and blanks included; more would be parsed for minutes to hear the same. */
const MOST_TEXT_BYTES = 4_000_000;

const SHORTER = 'name a folder or a glob in place of single files and sources';
const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '');
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** A run is handed to Temporal in one piece, and from there to the stages. @throws BlissError ConfigInvalid, with the field that takes most of it */
export function requireSmall(config: { readonly seeds: readonly number[]; readonly data: unknown; readonly heldOut: unknown; readonly tokenizer: unknown }, where: string): void {
  const bytes = bytesOf(config);
  const { seeds, data, heldOut, tokenizer } = config;
  const ofSeeds = seeds.length * bytesOf({ data, heldOut, tokenizer });
  if (bytes <= MOST_BYTES && ofSeeds <= MOST_BYTES_OF_SEEDS) return;
  const { path, bytes: most } = largest(config, bytes);
  const allowed = bytes > MOST_BYTES ? megabytes(MOST_BYTES) : `${megabytes(MOST_BYTES_OF_SEEDS)} for all ${seeds.length} seeds together, which have ${megabytes(ofSeeds)}`;
  throw new BlissError({ code: 'ConfigInvalid', where, message: `the configuration has ${megabytes(bytes)}, of which ${fieldName(path)} takes ${megabytes(most)}; allowed: ${allowed}`, fix: SHORTER });
}

/** The same by a file's text, before it is parsed. @throws BlissError ConfigInvalid, with the section that takes most of it */
export function requireSmallText(text: string, where: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MOST_TEXT_BYTES) return;
  const sections = [...text.matchAll(/^([A-Za-z]\w*):/gm)].map(({ 1: name, index }) => ({ name, index }));
  const sized = sections.map(({ name, index }, i) => ({ name, size: (sections[i + 1]?.index ?? text.length) - index }));
  const most = sized.reduce((a, b) => (b.size > a.size ? b : a), { name: '', size: 0 });
  throw new BlissError({ code: 'ConfigInvalid', where, message: `the file has ${megabytes(bytes)}${most.name === '' ? '' : `, of which ${most.name} takes ${megabytes(most.size)}`}; allowed: ${megabytes(MOST_TEXT_BYTES)}, and ${megabytes(MOST_BYTES)} of configuration in it`, fix: SHORTER });
}

/** Down from the whole as long as one field takes more than half. */
function largest(value: unknown, bytes: number, path: FieldPath = []): { readonly path: FieldPath; readonly bytes: number } {
  const inside = Array.isArray(value) ? value.map((item: unknown, i) => [i, item] as const) : isRecord(value) ? Object.entries(value) : [];
  for (const [key, item] of inside) {
    const size = bytesOf(item);
    if (size > bytes / 2) return largest(item, size, [...path, key]);
  }
  return { path, bytes };
}
