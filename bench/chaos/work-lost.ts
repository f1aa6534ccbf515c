import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** An attempt after the first, and how many steps of the one before it had to be done again. */
export interface Resumption {
  readonly stage: string;
  readonly attempt: number;
  /** steps done again: from the checkpoint it went on from to the last step that is known of the attempt before */
  readonly lost: number;
  /** it went on from a checkpoint; else from its beginning */
  readonly fromCheckpoint: boolean;
}

/** The furthest step seen of each attempt of each stage, by whoever watched the run's progress files. */
export type SeenSteps = Map<string, Map<number, number>>;

/** Notes how far every stage of a run is now. */
export function watchSteps(progressFolder: string, seen: SeenSteps): void {
  if (!existsSync(progressFolder)) return;
  for (const file of readdirSync(progressFolder)) {
    const progress = read(path.join(progressFolder, file));
    if (progress === undefined) continue;
    const attempts = seen.get(progress.stage) ?? new Map<number, number>();
    seen.set(progress.stage, attempts.set(progress.attempt, Math.max(progress.step, attempts.get(progress.attempt) ?? 0)));
  }
}

function read(file: string): { readonly stage: string; readonly attempt: number; readonly step: number } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { stage: string; attempt: number; step: number }; // written by the workers
  } catch {
    return undefined; // it is being replaced
  }
}

/**
 * Attempts and where they went on, from the logs of a run's stages.
 * @param logs text of each stage's log, by stage
 */
export function resumptions(logs: ReadonlyMap<string, string>, seen: SeenSteps): Resumption[] {
  return [...logs].flatMap(([stage, text]) => {
    const started = [...text.matchAll(/attempt (\d+): started/g)].map((match) => Number(match[1]));
    return started.filter((attempt) => attempt > 1).map((attempt) => {
      const from = new RegExp(`attempt ${attempt}: goes on: from the checkpoint at step (\\d+)`).exec(text)?.[1];
      const before = Math.max(0, ...[...(seen.get(stage) ?? [])].filter(([earlier]) => earlier < attempt).map(([, step]) => step));
      return { stage, attempt, lost: Math.max(0, before - Number(from ?? 0)), fromCheckpoint: from !== undefined };
    });
  });
}
