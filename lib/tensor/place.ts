let current: string | undefined;

/** Runs the body of an entry: an error of an op within it can say whose it is. @param where `program.entry` */
export function within<R>(where: string, body: () => R): R {
  const outer = current;
  current = where;
  try {
    return body();
  } finally {
    current = outer;
  }
}

/** `program.entry` of the body that runs now, or that there is none */
export const placeOfWork = (): string => current ?? 'outside of any program';
