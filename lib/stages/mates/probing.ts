import type { HeldOutExample } from '../../data/types.js';
import { BlissError } from '../../errors.js';
import type { ProbePlan } from '../../influence/index.js';
import { stateOfTrained } from '../../programs/state-variables.js';
import type { ProbingProgram } from '../../programs/types.js';
import { permutation } from '../../random.js';
import { flattenHeldOut } from '../steps/index.js';
import type { Shards } from '../contents/index.js';
import type { ProbedRow, ProbedRows } from './probed-rows.js';
import { readState } from '../state.js';
import type { MatesInput, StageContext } from '../types.js';

export interface ProbeRows {
  readonly input: MatesInput;
  readonly context: StageContext;
  readonly group: Shards;
  readonly plan: ProbePlan;
  readonly validation: readonly HeldOutExample[];
  readonly program: ProbingProgram;
  /** by a checkpoint */
  readonly found: ProbedRows | undefined;
  /** after each probe: says so, and saves where it is time to */
  onProbe(found: ProbedRows, figures: Readonly<Record<string, number>>): Promise<void>;
}

/**
 * The influence of each row of the plan on the target as it is: its loss on the same validation examples before and after one AdamW step on that row
 * alone, with the target's own moments. No step is kept.  @see method §9
 */
export async function probeRows({ input, context, group, plan, validation, program, found, onProbe }: ProbeRows): Promise<ProbedRows> {
  const { mates: { probeLearningRate: learningRate }, seed } = input;
  const first = found?.probes.length ?? 0;
  if (found !== undefined && first === plan.rows.length) return found;
  const requests = Array.from({ length: plan.rows.length - first }, (_, i) => ({ kind: 'ordered', seed: `${seed}/probes`, step: first + i }) as const);
  const feeder = await context.feed({ ...group, batchSize: 1, subset: plan.rows, requests });
  const { updates, ...target } = await readState(await context.store.open(input.target));
  program.setState(stateOfTrained(target));
  const lossOf = onValidation(input, validation, program);

  const before = found?.before ?? withdrawn(program, lossOf);
  const probes: ProbedRow[] = [...(found?.probes ?? [])];
  while (probes.length < plan.rows.length) {
    const { tokens, indices: [index], ids: [id], sources: [source] } = await feeder.next();
    const { loss, gradientNorm } = program.probe({ ids: tokens, learningRate, update: updates + 1 });
    const validationLoss = lossOf();
    const figures = { influence: before - validationLoss, validationLoss, loss, gradientNorm };
    const fault = Object.entries(figures).flatMap(([name, value]) => (Number.isFinite(value) ? [] : [`${name} ${value}`]));
    if (fault.length > 0) throw new BlissError({ code: 'LossDiverged', message: `probe ${probes.length + 1}: ${fault.join(', ')}; the row is ${id}`, fix: FIX });
    probes.push({ id, index, source, influence: figures.influence });
    await onProbe({ before, probes }, figures);
  }
  await feeder.close();
  return { before, probes };
}

function withdrawn(program: ProbingProgram, lossOf: () => number): number {
  program.withdraw();
  return lossOf();
}

/** One mean over the counted tokens of the same examples every time, added up in float64; examples that fill up the last batch count nothing. */
function onValidation({ mates: { validationExamples, validationBatchSize: size }, sequenceLength, validationLoss: targets, seed }: MatesInput, all: readonly HeldOutExample[], program: ProbingProgram): () => number {
  if (all.length < validationExamples) {
    throw new BlissError({ code: 'DataInvalid', message: `there are ${all.length} validation examples, fewer than the ${validationExamples} of a probe`, where: 'mates.validationExamples', fix: 'lower it or raise heldOut.validation' });
  }
  const examples = Array.from(permutation(all.length, seed, 'validation').subarray(0, validationExamples), (i) => all[i]);
  const batches = Array.from({ length: Math.ceil(examples.length / size) }, (_, i) => {
    const own = examples.slice(i * size, (i + 1) * size);
    const { ids, mask } = flattenHeldOut([...own, ...new Array<HeldOutExample>(size - own.length).fill(own[0])], sequenceLength, targets);
    return { ids, mask: mask.fill(0, own.length * sequenceLength) };
  });
  const counted = batches.reduce((sum, { mask }) => sum + mask.reduce((a, b) => a + b, 0), 0);
  return () => batches.reduce((total, batch) => total + program.validate(batch).reduce((sum, one) => sum + one, 0), 0) / counted;
}

const FIX = 'look at that row; lower mates.probeLearningRate and run the changed configuration: what comes before this stage is found finished';
