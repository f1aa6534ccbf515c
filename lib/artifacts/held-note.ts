import { canonicalJson } from './canonical-json.js';
import { refTo } from './publish.js';
import type { Manifest, Ref } from './types.js';

/** What a stage's result was made by and from, as far as its key says so. */
export interface Origin {
  readonly stage: string;
  readonly stageVersion: number;
  /** digests of the artifacts that the key is made of */
  readonly inputs: readonly string[];
}

export interface HeldNote {
  /** the stage's, under which the note lies */
  readonly key: string;
  readonly origin: Origin | undefined;
  /** as the note has it */
  readonly ref: Ref;
  readonly manifest: Manifest;
  /** that the note has beside it; undefined: none */
  readonly summary: unknown;
}

/** Why a whole artifact is not what a note says that it is; undefined where it is. */
export function notWhatItSays({ key, origin, ref, manifest, summary }: HeldNote): string | undefined {
  const { lineage } = manifest;
  const { digest, size } = refTo({ parent: '', id: ref.sha256, manifest });
  if (ref.digest !== digest || ref.size !== size) return 'the artifact has another digest or size than the note says';
  if (summary !== undefined && canonicalJson(summary) !== canonicalJson(manifest.summary)) return 'the note has another summary than the artifact';
  if (lineage.key !== undefined) return lineage.key === key ? undefined : `the artifact was made under another key, ${lineage.key}`;
  // an earlier version made it: what it says of itself must fit
  if (origin === undefined) return undefined;
  if (lineage.stage !== origin.stage || lineage.stageVersion !== origin.stageVersion) return `the artifact was made by ${lineage.stage} ${lineage.stageVersion}, not by ${origin.stage} ${origin.stageVersion}`;
  const made = Object.values(lineage.inputs).map((input) => input.digest);
  return sameSet(made, origin.inputs) ? undefined : 'the artifact was made from others than the key says';
}

function sameSet(some: readonly string[], others: readonly string[]): boolean {
  const [one, other] = [new Set(some), new Set(others)];
  return one.size === other.size && [...one].every((item) => other.has(item));
}
