import path from 'node:path';
import { otherSelection } from '../../config/sections/other-selection.js';
import type { RunConfig } from '../../config/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import { readRowIds, rowIdFiles } from '../../lib/data/row-ids.js';
import { sha256OfFile } from '../../lib/data/sources/files.js';
import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import { chosenSelection } from '../../lib/stages/selection/chosen-selection.js';
import { reportedStages } from '../../lib/stages/finished-stages.js';
import type { PipelineInput } from '../../workflows/types.js';
import { readJson } from '../runs.js';

interface CheckSelection {
  readonly config: RunConfig;
  readonly configFolder: string;
  readonly home: Home;
}

const FIELD = 'selection.from';

/** The selection that the configuration takes is there, whole: ids can be read, or the other run has the round, in rows as this run's. @throws BlissError ConfigInvalid, DataInvalid, DataCorrupt */
export async function checkSelection({ config, configFolder, home }: CheckSelection): Promise<void> {
  const { from } = config.selection;
  if (from === undefined) return;
  const other = otherSelection(from);
  if (other === undefined) {
    await readRowIds(await rowIdFiles({ path: from, folder: configFolder }));
    return;
  }
  for (const seed of config.seeds) requireSelection({ home, ...other, seed });
  const theirs = readJson<PipelineInput>(home.run(other.run).input);
  if (theirs !== undefined) await checkRows({ config, configFolder, run: other.run, theirs });
}

/** Round N's selection of a finished run of the home. @throws BlissError ConfigInvalid */
export function requireSelection({ home, run, round, seed }: { readonly home: Home; readonly run: string; readonly round: number; readonly seed: number }): Ref {
  const stages = reportedStages(home.run(run));
  if (stages === undefined) {
    throw new BlissError({ code: 'ConfigInvalid', where: FIELD, message: `there is no finished run '${run}' in ${home.runs}`, fix: `name a finished run of this home and one of its rounds: RUN/round-N; a folder of ids of that name is ./${run}/round-${round}` });
  }
  const found = chosenSelection({ stages, round, seed });
  if (found !== undefined) return found;
  const rounds = new Set(stages.flatMap((stage) => (stage.round !== null && chosenSelection({ stages, round: stage.round, seed }) !== undefined ? [stage.round] : [])));
  throw new BlissError({ code: 'ConfigInvalid', where: FIELD, message: `run '${run}' has no selection by scores of round ${round}`, fix: rounds.size === 0 ? 'name a run with an arm of selector bliss that learns its scores' : `name one of ${[...rounds].map((each) => `${run}/round-${each}`).join(', ')}` });
}

/** The other run's rows are trained on as they are: they must be cut as this run cuts its own, into the same tokens. */
async function checkRows({ config, configFolder, run, theirs }: Pick<CheckSelection, 'config' | 'configFolder'> & { readonly run: string; readonly theirs: PipelineInput }): Promise<void> {
  const refuse = (field: string, message: string): never => {
    throw new BlissError({ code: 'ConfigInvalid', where: field, message, fix: `write what ${run} has: the model is to train on that run's rows of tokens` });
  };
  const [ours, other] = [config.data.sequenceLength, theirs.config.data.sequenceLength];
  if (ours !== other) refuse('data.sequenceLength', `${ours}, and the rows that ${run} selected have ${other} tokens`);
  const [own, before] = [await tokenizerOf(config, configFolder), await tokenizerOf(theirs.config, theirs.configFolder)];
  if (own !== undefined && before !== undefined && own !== before) refuse('tokenizer', `another one than that of ${run}, whose rows selection.from takes`);
}

/** What a tokenizer follows from; undefined where its file is no longer there. */
async function tokenizerOf({ tokenizer, data }: RunConfig, folder: string): Promise<string | undefined> {
  if (tokenizer.type === 'train') return JSON.stringify([tokenizer.vocabularySize, tokenizer.sampleBytes, data.sources]);
  return sha256OfFile(path.resolve(folder, tokenizer.path)).catch(() => undefined);
}
