import path from 'node:path';
import type { Command } from 'commander';
import { OWN_ITEMS } from '../../config/tables/tasks.js';
import { counted } from '../../lib/counted.js';
import { BlissError } from '../../lib/errors.js';
import { action } from '../command.js';
import { listenForInterrupt } from '../signals.js';

interface EvalOptions {
  readonly tasks: string;
  readonly data: readonly string[];
  readonly limit?: string;
  readonly batchSize: string;
  readonly maxLength?: string;
  readonly compiler: string;
  readonly output?: string;
}

/** between two lines on how far it is */
const SAID_EVERY_MS = 5_000;

export function addEval(program: Command): void {
  program
    .command('eval')
    .description('run zero-shot tasks, as lm-evaluation-harness asks them, on a model folder or on an arm of a run')
    .argument('<model>', 'folder with config.json, model.safetensors and tokenizer.json, or RUN/seed-0/ARM/round-1')
    .requiredOption('--tasks <names>', 'tasks, separated by commas: piqa,lambada_openai')
    .option('--data <dir|task=file>', `folder with the items of the tasks, or the file, glob or folder of one task; may be given several times; ${OWN_ITEMS.join(', ')} needs none`, (value: string, before: readonly string[]) => [...before, value], [])
    .option('--limit <n>', 'only the first n items of each task')
    .option('--batch-size <n>', 'rows of one step; long rows are taken in smaller batches', '32')
    .option('--max-length <tokens>', 'longest input (default: the longest that the model takes)')
    .option('--compiler <name>', 'xla or graph, as in runtime.compiler of a run', 'xla')
    .option('--output <dir>', 'folder of the results (default: evaluations/ in the home)')
    .action(
      action(async ({ home, output }, named: string, options: EvalOptions) => {
        const { compiler } = options;
        if (compiler !== 'xla' && compiler !== 'graph') throw new BlissError({ code: 'Usage', where: '--compiler', message: `there is no compiler '${compiler}'`, fix: 'write xla or graph' });
        const [{ taskByName }, { findTaskFiles }, { modelSource }, { startEval }, { evaluationTable }] = await Promise.all([
          import('../../lib/evaluation/index.js'),
          import('../eval/task-files.js'),
          import('../eval/model-source.js'),
          import('../eval/start.js'),
          import('../eval/table.js'),
        ]);
        const tasks = [...new Set(options.tasks.split(',').map((name) => name.trim()))].map(taskByName);
        let said = 0;
        const interrupt = listenForInterrupt({ again: () => process.exit(130) });
        const answer = await startEval({
          stop: interrupt.signal,
          job: {
            home: home.root,
            model: modelSource(home, named),
            folder: process.cwd(),
            tasks: await findTaskFiles({ tasks, data: options.data, cwd: process.cwd() }),
            limit: options.limit === undefined ? null : count('--limit', options.limit),
            batchSize: count('--batch-size', options.batchSize),
            maxLength: options.maxLength === undefined ? null : count('--max-length', options.maxLength),
            compiler,
            output: options.output === undefined ? path.join(home.root, 'evaluations') : path.resolve(options.output),
          },
          onPhase: (phase) => output.note(phase),
          onProgress: (done, of) => {
            if (done < of && Date.now() - said < SAID_EVERY_MS) return;
            said = Date.now();
            output.note(`${done} of ${counted(of, 'request')}`);
          },
        }).catch((error: unknown) => {
          if (interrupt.signal.aborted) return undefined;
          throw error;
        });
        interrupt.release();
        if (answer === undefined) {
          output.fault('interrupted; the same command goes on: what was answered is kept');
          return 130;
        }
        output.say(['', ...evaluationTable(answer.tasks), '', `results: ${answer.results}`].join('\n'));
        output.answer(answer);
        return 0;
      }),
    );
}

/** @throws BlissError Usage */
function count(option: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new BlissError({ code: 'Usage', where: option, message: `'${text}' is no count`, fix: 'write an integer ≥ 1' });
}
