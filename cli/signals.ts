/** npm and the terminal both pass one Ctrl-C on: a second within this time is the same one. */
const SAME_PRESS_MS = 1_000;

/**
 * Ctrl-C, SIGTERM and SIGHUP ask to end in order; again, to end now.
 * @returns a signal that is aborted by the first, and `release` for one that was never pressed; after a press the process is ending, and what npm
 *   passes on late must not end it before its last words
 */
export function listenForInterrupt({ again }: { readonly again: () => void }): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  let first: number | undefined;
  const hear = (): void => {
    if (first === undefined) {
      first = Date.now();
      controller.abort();
    } else if (Date.now() - first > SAME_PRESS_MS) {
      again();
    }
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, hear);
  return { signal: controller.signal, release: () => (first === undefined ? names.forEach((name) => process.off(name, hear)) : undefined) };
}
