import type { RunConfig } from '../../config/index.js';
import { BlissError } from '../../lib/errors.js';
import type { FinishedRun } from '../finished-run.js';
import { differences, differenceText } from '../plan/differences.js';

/** Fields that decide neither what is computed nor with what result, and the seeds, by which the runs differ. */
const FREE = ['name', 'seeds', 'worker', 'notices', 'runtime.numerics', 'evaluation.onFailure'];

/** Runs as one: every seed of each, under the configuration that they share. */
export interface JoinedRuns extends Omit<FinishedRun, 'forked'> {
  readonly notes: readonly string[];
}

/**
 * @param runs at least one; the configuration of the first is that of all
 * @throws BlissError Usage where a seed is in two of them, a field of their configurations differs, or one was ended after an earlier round
 */
export function joinRuns(runs: readonly FinishedRun[]): JoinedRuns {
  const [first, ...others] = runs;
  const seeds = new Map<number, string>();
  for (const { run, config } of runs) {
    for (const seed of config.seeds) {
      const other = seeds.get(seed);
      if (other !== undefined) throw new BlissError({ code: 'Usage', message: other === run ? `the run ${run} is named twice` : `seed ${seed} is in ${other} and in ${run}: it would count twice`, fix: 'join runs of different seeds' });
      seeds.set(seed, run);
    }
  }
  for (const { run, config } of others) {
    const found = differences(settings(first.config), settings(config)).sort((a, b) => (a.field < b.field ? -1 : 1));
    if (found.length === 0) continue;
    throw new BlissError({ code: 'Usage', message: `${first.run} and ${run} have other settings than their seeds alone: ${differenceText(found)}`, where: found[0].field, fix: 'join runs of one configuration; a table of each: `bliss compare RUN`' });
  }
  for (const other of others) {
    const [round, last] = [lastRound(first), lastRound(other)];
    // of the shorter one's seeds nothing would be left in a table after the last round
    if (round !== last) throw new BlissError({ code: 'Usage', message: `${first.run} ended after round ${round}, ${other.run} after round ${last}`, fix: `\`bliss resume ${round < last ? first.run : other.run}\` does the other rounds` });
  }
  const failed = runs.flatMap((run) => run.failed ?? []);
  return {
    run: runs.map(({ run }) => run).join(' + '),
    config: { ...first.config, seeds: [...seeds.keys()] },
    stages: runs.flatMap(({ stages }) => stages),
    timings: runs.flatMap(({ timings }) => timings),
    ...(failed.length === 0 ? {} : { failed }),
    notes: runs.flatMap(({ run, forked }) => (forked === undefined ? [] : [`${run} was forked from ${forked.from} at ${forked.stage}: what comes before in the arms that both have is that run's, made under its configuration`])),
  };
}

/** one may have been told to end earlier than its configuration says */
const lastRound = ({ stages }: FinishedRun): number => Math.max(0, ...stages.map(({ round }) => round ?? 0));

function settings(config: RunConfig): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(config));
  for (const field of FREE) {
    const names = field.split('.');
    const holder = names.slice(0, -1).reduce((at, name) => (at as Record<string, unknown> | undefined)?.[name], copy) as Record<string, unknown> | undefined; // a section of a configuration, where there is one
    if (holder !== undefined) Reflect.deleteProperty(holder, names[names.length - 1]);
  }
  return copy;
}
