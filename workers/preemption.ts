import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a machine that can be taken away says so. */
export interface Preemption {
  /** from the notice (SIGTERM, or the file) to the end; running stages save within it */
  readonly noticeSeconds: number;
  /** a file whose appearance is a notice; while it is there no work is taken */
  readonly file?: string;
}

/** Google Cloud gives 30 s, AWS 120 s: the least of them, with room to end in. */
export const DEFAULT_NOTICE_SECONDS = 25;

const LOOK_EVERY_MS = 500;

/** Calls back once, when the file appears. @returns ends the watch */
export function watchForNotice(file: string, onNotice: () => void): () => void {
  const timer = setInterval(() => {
    if (!existsSync(file)) return;
    clearInterval(timer);
    onNotice();
  }, LOOK_EVERY_MS);
  return () => clearInterval(timer);
}

/** Resolves when the notice is off: the machine was not taken after all, or is a new one. */
export async function noticeOver(file: string): Promise<void> {
  while (existsSync(file)) await sleep(LOOK_EVERY_MS);
}
