/** What `selection.from` says of another run; undefined where it is a path. A folder of such a name is written `./RUN/round-N`. */
export function otherSelection(from: string): { readonly run: string; readonly round: number } | undefined {
  const [, run, round] = /^([a-z0-9][a-z0-9._-]{0,62})\/round-([1-9][0-9]*)$/.exec(from) ?? [];
  return run === undefined ? undefined : { run, round: Number(round) };
}
