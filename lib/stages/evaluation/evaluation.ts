import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { digestJson } from '../../artifacts/index.js';
import { passageLoss, PASSAGES_FILE, summariseHeldOut, type ExampleLosses, type PassageLoss } from '../../evaluation/index.js';
import { heldOutLosses } from './held-out-losses.js';
import { openCorpus } from '../contents/index.js';
import { readArrays } from '../state.js';
import { evaluateOnTasks, taskDigests } from './evaluation-tasks.js';
import { throwIfStopped } from '../execution/index.js';
import type { EvaluationInput, Stage } from '../types.js';

/** Loss, perplexity and last-word accuracy on held-out sets, with standard errors over passages; and zero-shot tasks, where there are any.  @see method §7 */
export const evaluation: Stage<'evaluation'> = {
  name: 'evaluation',
  version: 3,
  keyInput: ({ tasks, ...input }: EvaluationInput) => (tasks === undefined ? input : { ...input, tasks: tasks.of.map(({ path: _where, ...one }) => one) }),
  keyParts: ({ tasks }) => taskDigests(tasks),
  run: async (input, context) => {
    const { batchSize, sequenceLength, sets } = input;
    const corpus = await openCorpus(context.store, input.corpus);
    await context.phase('compiling');
    const program = await context.programs.evaluation({ model: input.model, vocabularySize: input.vocabularySize, sequenceLength, batchSize, mode: input.compiler });
    const weights = await readArrays(await context.store.open(input.state), 'weights.safetensors');
    program.setState(weights);

    const total = sets.reduce((sum, set) => sum + corpus.index.heldOut[set].examples, 0);
    let done = 0;
    const passages: Record<string, readonly PassageLoss[]> = {};
    const results: Record<string, ReturnType<typeof summariseHeldOut>> = {};
    for (const set of sets) {
      const examples = await context.waiting.during(() => corpus.heldOut(set));
      const losses: ExampleLosses[] = [];
      for await (const batch of heldOutLosses({ program, examples, batchSize, sequenceLength, waiting: context.waiting })) {
        losses.push(...batch);
        done += batch.length;
        await context.progress({ step: done, of: total, amount: { value: done, unit: 'rows' } });
        throwIfStopped(context); // seconds of work: the sets start again
      }
      results[set] = summariseHeldOut(losses);
      passages[set] = losses.map(passageLoss);
    }
    await writeFile(path.join(context.scratch, 'evaluation.json'), JSON.stringify(results, null, 2));
    await writeFile(path.join(context.scratch, PASSAGES_FILE), JSON.stringify(passages));
    const shown = results['test'] ?? results[sets[0]];
    const { tasks } = input;
    const onTasks = tasks === undefined ? undefined : await evaluateOnTasks({ input: { ...input, tasks }, context, corpus, weights, programDigest: program.digest, rowsBefore: total });
    // after the tasks, whose checkpoints would hold these lines: a stage that goes on writes them again
    for (const set of sets) context.metrics({ set, ...results[set] });
    if (onTasks === undefined) return { kind: 'evaluation', folder: context.scratch, digest: digestJson(results), summary: { ...shown, results } };
    return { kind: 'evaluation', folder: context.scratch, digest: digestJson({ results, tasks: onTasks }), summary: { ...shown, results, tasks: onTasks } };
  },
};
