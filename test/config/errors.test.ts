import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../config/index.js';
import { refusal, refused } from './given.js';

const PRESETS = 'demo, smoke, mid, paper-410m, paper-1b, paper-2.8b, llama-0.5b';
const TOP = 'name, seeds, rounds, parity, data, tokenizer, heldOut, models, warmUp, bilevel, mates, color, oracle, scoring, selection, pretraining, evaluation, comparison, runtime, divergence, worker, notices, extends';

/** What is below `extends: demo`, so from line 2 on, and the whole message. */
const cases: readonly (readonly [claim: string, yaml: string, message: string])[] = [
  // one field alone
  ['a text for a number', 'pretraining:\n  steps: ten', 'run.yaml:3: pretraining.steps: found "ten", allowed: an integer ≥ 1'],
  ['a program in a configuration, which names none', 'notices: { command: [/usr/local/bin/tell, --now] }', `run.yaml:2: notices.command: found a list of 2, allowed: true or false; write true, and name the program where the CPU worker runs: BLISS_NOTICE_COMMAND='["/usr/local/bin/tell", "--channel", "training"]'`],
  ['a program without arguments there', 'notices: { command: tell }', `run.yaml:2: notices.command: found "tell", allowed: true or false; write true, and name the program where the CPU worker runs: BLISS_NOTICE_COMMAND='["/usr/local/bin/tell", "--channel", "training"]'`],
  ['a variable of the environment that is none of its business', 'notices: { webhook: { urlVariable: AWS_SECRET_ACCESS_KEY } }', 'run.yaml:2: notices.webhook.urlVariable: found "AWS_SECRET_ACCESS_KEY", allowed: the name of an environment variable that begins with BLISS_, as BLISS_WEBHOOK'],
  ['notices with a command that is off', 'notices: { command: false }', 'run.yaml:2: notices: tells nobody; add notices.webhook or notices.command: true, or leave notices out'],
  ['a number in quotes', 'rounds: "3"', 'run.yaml:2: rounds: found "3", allowed: an integer ≥ 1; write 3'],
  ['a number with separators, text in YAML 1.2', 'data:\n  rowsPerGroup: 8_192', 'run.yaml:3: data.rowsPerGroup: found "8_192", allowed: an integer ≥ 1; write 8192'],
  ['a broken number', 'rounds: 2.5', 'run.yaml:2: rounds: found 2.5, allowed: an integer ≥ 1; write 3'],
  ['below the least', 'data: { sequenceLength: 4 }', 'run.yaml:2: data.sequenceLength: found 4, allowed: an integer ≥ 8'],
  ['out of a range', 'selection: { fraction: 2 }', 'run.yaml:2: selection.fraction: found 2, allowed: a number > 0 and ≤ 1'],
  ['not a number', 'bilevel: { klWeight: .nan }', 'run.yaml:2: bilevel.klWeight: found NaN, allowed: a number ≥ 0'],
  ['infinite', 'worker: { heartbeatTimeout: .inf }', 'run.yaml:2: worker.heartbeatTimeout: found Infinity, allowed: a number ≥ 2'],
  ['an unknown choice', 'bilevel:\n  solver:\n    method: newton', 'run.yaml:4: bilevel.solver.method: found "newton", allowed: one of gd, cg, neumann, identity'],
  ['a choice in another case', 'bilevel:\n  solver:\n    method: CG', 'run.yaml:4: bilevel.solver.method: found "CG", allowed: one of gd, cg, neumann, identity; did you mean cg?'],
  ["YAML 1.1's yes", 'bilevel: { causalProxy: yes }', 'run.yaml:2: bilevel.causalProxy: found "yes", allowed: true or false; write true'],
  ['a value for a list', 'seeds: 3', 'run.yaml:2: seeds: found 3, allowed: a list of 1 or more: an integer ≥ 0; write [3]'],
  ['an empty list', 'evaluation:\n  sets: []', 'run.yaml:3: evaluation.sets: found an empty list, allowed: a list of 1 or more: one of tuning, test'],
  ['a value for a mapping', 'bilevel: 3', 'run.yaml:2: bilevel: found 3, allowed: a mapping'],
  ['an empty section', 'warmUp:', 'run.yaml:2: warmUp: found nothing (an empty value), allowed: a mapping; give it a value, or remove the key'],
  ['neither of two kinds', 'data: { shuffleSeed: rum }', 'run.yaml:2: data.shuffleSeed: found "rum", allowed: "run" or an integer ≥ 0; did you mean run?'],
  ['a bad name', 'name: My Run', 'run.yaml:2: name: found "My Run", allowed: lower-case letters, digits, . _ -, at most 63, starting with a letter or digit'],
  ['a number for a name', 'name: 7', 'run.yaml:2: name: found 7, allowed: lower-case letters, digits, . _ -, at most 63, starting with a letter or digit; write "7"'],
  ['a selection of no round', 'selection:\n  from: paper-1b', 'run.yaml:3: selection.from: found "paper-1b", allowed: RUN/round-N, as paper-1b/round-3, or a path with a slash, as ./ids'],
  ['an item of a list', 'seeds:\n  - 0\n  - -1', 'run.yaml:4: seeds.1: found -1, allowed: an integer ≥ 0'],
  // keys and unions
  ['a misspelt key', 'pretraining:\n  batchsize: 8', 'run.yaml:3: pretraining.batchsize: unknown key; did you mean batchSize?'],
  ['a misspelt section', 'pretraning: { steps: 3 }', 'run.yaml:2: pretraning: unknown key; did you mean pretraining?'],
  ['a key of another section', 'warmUp: { outerSteps: 3 }', 'run.yaml:2: warmUp.outerSteps: unknown key; outerSteps belongs in bilevel'],
  ['a key like no other', 'scoring: { zzzzzzzz: 3 }', 'run.yaml:2: scoring.zzzzzzzz: unknown key; known here: batchSize, shardsPerTask'],
  ['an unknown key at the top', 'constructor: 3', `run.yaml:2: constructor: unknown key; known here: ${TOP}`],
  ['the key __proto__', '__proto__: { name: x }', `run.yaml:2: __proto__: unknown key; known here: ${TOP}`],
  ['an unknown type', 'tokenizer:\n  type: fiel', 'run.yaml:3: tokenizer.type: found "fiel", allowed: one of train, file; did you mean file?'],
  ['no type', 'data:\n  sources:\n    - name: x', 'run.yaml:4: data.sources.0.type: found nothing, allowed: one of demo, archive, files, tokens; add type: demo'],
  ['no mapping where one of several kinds is needed', 'data:\n  sources:\n    - 5', 'run.yaml:4: data.sources.0: found 5, allowed: a mapping with type: demo or archive or files or tokens'],
  ['a missing field of the chosen type', 'tokenizer: { type: file }', 'run.yaml:2: tokenizer.path: found nothing, allowed: text, not empty; add path:'],
  ['a key of the type that was not chosen', 'tokenizer:\n  type: file\n  path: a\n  sampleBytes: 3', 'run.yaml:5: tokenizer.sampleBytes: unknown key; sampleBytes is for type: train'],
  // fields against each other
  ['a seed twice', 'seeds: [1, 2, 1]', 'run.yaml:2: seeds.2: found 1 again (as seeds.0), allowed: each seed once'],
  ['an arm twice', 'comparison:\n  arms:\n    - { name: a, selector: bliss }\n    - { name: a, selector: random }', 'run.yaml:5: comparison.arms.1.name: found "a" again (as comparison.arms.0.name), allowed: names that differ'],
  ['a task twice', 'evaluation:\n  tasks:\n    - { name: piqa, path: a.jsonl }\n    - { name: piqa, path: b.jsonl }', 'run.yaml:5: evaluation.tasks.1.name: found "piqa" again (as evaluation.tasks.0.name), allowed: each task once'],
  ['a set twice', 'evaluation: { sets: [test, test] }', 'run.yaml:2: evaluation.sets.1: found "test" again (as evaluation.sets.0), allowed: each set once'],
  ['the demo beside files', 'data:\n  sources:\n    - type: demo\n    - { type: files, name: a, paths: [b] }', 'run.yaml:4: data.sources.0.type: found "demo" beside 1 other, allowed: the demo corpus alone, or files only; remove the demo, or the others'],
  ['a mixture of nothing', 'data:\n  sources:\n    - type: demo\n      mixture: { books: 0, speeches: 0, email: 0, spam: 0, shuffled: 0, boilerplate: 0 }', 'run.yaml:5: data.sources.0.mixture: found shares that are all 0, allowed: at least one share > 0'],
  ['held-out demo documents beside own files', 'data:\n  sources: [{ type: files, name: a, paths: [b] }]', 'run.yaml:3: heldOut.source.type: found "demo" without the demo corpus, allowed: "files", as data.sources has no source of type demo; name files of held-out documents: {type: files, paths: [...]}'],
  ['a tokenised source and a tokenizer to train', 'data:\n  sources: [{ type: tokens, name: ids, paths: [a.bin] }]\nheldOut: { source: { type: files, paths: [b.txt] } }', 'run.yaml:3: tokenizer.type: found "train" beside a tokenised source, allowed: "file": the tokenizer that made its ids; write { type: file, path: tokenizer.json }'],
  ['no weight at all', 'data:\n  sources: [{ type: files, name: a, paths: [a], weight: 0 }]\nheldOut: { source: { type: files, paths: [b.txt] } }', 'run.yaml:3: data.sources.0.weight: found 0, allowed: a number > 0'],
  ['a tokenizer larger than the vocabulary', 'tokenizer: { vocabularySize: 4096 }', 'run.yaml:2: models.vocabularySize: found 2048, allowed: at least 4096, the tokenizer.vocabularySize'],
  ['heads that do not divide the width', 'models: { proxy: { heads: 5 } }', 'run.yaml:2: models.proxy.heads: found 5, allowed: a divisor of width 96; write 4'],
  ['a width that the heads do not divide: the line that the user set', 'models: { proxy: { width: 98 } }', 'run.yaml:2: models.proxy.heads: found 4, allowed: a divisor of width 98; write 2'],
  ['an odd number of rotary channels', 'models: { target: { rotaryFraction: 0.125 } }', "run.yaml:2: models.target.rotaryFraction: found 0.125, which rotates 3 of a head's 24 channels, allowed: a share that makes an even number ≥ 2"],
  ['key-value heads that do not divide the heads', 'models: { target: { architecture: llama, layers: 1, width: 64, heads: 8, keyValueHeads: 3, intermediate: 64 } }', 'run.yaml:2: models.target.keyValueHeads: found 3, allowed: a divisor of heads 8; write 2'],
  ['llama heads of an odd width', 'models: { target: { architecture: llama, layers: 1, width: 12, heads: 4, keyValueHeads: 4, intermediate: 64 } }', 'run.yaml:2: models.target.heads: found 4, which makes heads 3 wide, allowed: heads of an even width, as the rotary embedding turns pairs'],
  ['a warm-up longer than its stage', 'pretraining: { warmUpSteps: 300 }', 'run.yaml:2: pretraining.warmUpSteps: found 300, allowed: at most pretraining.steps, 250'],
  ['a warm-up batch larger than its rows', 'warmUp: { fraction: 0.001 }', 'run.yaml:2: warmUp.batchSize: found 16, allowed: at most 4, the rows that warmUp.fraction 0.001 takes of data.rowsPerGroup 4096'],
  ['a bilevel batch larger than a half', 'bilevel: { batchSize: 2049 }', 'run.yaml:2: bilevel.batchSize: found 2049, allowed: at most 2048, the rows that each of two disjoint halves of the group has (trainingFraction 1 of data.rowsPerGroup 4096)'],
  ['a bilevel batch larger than the part', 'bilevel: { batchSize: 2049, disjointBatches: false, trainingFraction: 0.5 }', 'run.yaml:2: bilevel.batchSize: found 2049, allowed: at most 2048, the rows that the scorer’s part of the group has (trainingFraction 0.5 of data.rowsPerGroup 4096)'],
  ['a validation batch larger than the set', 'heldOut: { validation: 31 }', 'run.yaml:2: bilevel.validationBatchSize: found 64, allowed: at most 31, the examples of heldOut.validation'],
  ['a pretraining batch larger than the selection', 'pretraining: { batchSize: 820 }', 'run.yaml:2: pretraining.batchSize: found 820, allowed: at most 819, the rows that selection.fraction 0.2 keeps of data.rowsPerGroup 4096'],
  ['noise of temperature 0', 'selection: { method: gumbel-top-k, temperature: 0 }', 'run.yaml:2: selection.temperature: found 0 with gumbel-top-k, allowed: a number > 0; write selection.method: top-k for no noise'],
  ['a stale normaliser of logits', 'bilevel:\n  normaliser: stale\n  weights: logits', 'run.yaml:3: bilevel.normaliser: found "stale" with bilevel.weights "logits", allowed: "fresh", as logits have no bound: exp(f − m) with the maximum m of the outer step before overflows; write bilevel.normaliser: fresh'],
  ['a temperature that nothing is divided by', 'bilevel: { weights: softmax, temperature: 0.5 }', 'run.yaml:2: bilevel.temperature: found 0.5 with bilevel.weights "softmax", allowed: a temperature of weights of logits, or 1; write bilevel.weights: logits, or bilevel.temperature: 1'],
  ['a temperature of raw weights', 'bilevel: { weights: raw, temperature: 2 }', 'run.yaml:2: bilevel.temperature: found 2 with bilevel.weights "raw", allowed: a temperature of weights of logits, or 1; write bilevel.weights: logits, or bilevel.temperature: 1'],
  ['a temperature of nothing', 'bilevel: { weights: logits, temperature: 0 }', 'run.yaml:2: bilevel.temperature: found 0, allowed: a number > 0'],
  ['AdamW’s preconditioner by the default’s solver', 'bilevel: { solver: { method: gd, preconditioner: adam } }', 'run.yaml:2: bilevel.solver.preconditioner: found "adam" with bilevel.solver.method "gd", allowed: "adam" with method "identity" only: of the others the method has no derivation under it; write bilevel.solver.method: identity, or preconditioner: none'],
  ['AdamW’s preconditioner by conjugate gradients', 'bilevel:\n  solver:\n    preconditioner: adam\n    method: cg', 'run.yaml:4: bilevel.solver.preconditioner: found "adam" with bilevel.solver.method "cg", allowed: "adam" with method "identity" only: of the others the method has no derivation under it; write bilevel.solver.method: identity, or preconditioner: none'],
  ['an ε of no preconditioner', 'bilevel: { solver: { method: identity, preconditioner: none, epsilon: 0.001 } }', 'run.yaml:2: bilevel.solver.epsilon: found 0.001 without bilevel.solver.preconditioner "adam", allowed: an ε of that preconditioner only, as nothing else reads it; write preconditioner: adam with method: identity, or leave epsilon out'],
  ['micro-batches that do not make up a minibatch', 'bilevel: { microBatchSize: 5 }', 'run.yaml:2: bilevel.microBatchSize: found 5, allowed: a divisor of bilevel.batchSize, 32; write 4'],
  ['validation examples likewise', 'bilevel: { validationMicroBatchSize: 48 }', 'run.yaml:2: bilevel.validationMicroBatchSize: found 48, allowed: a divisor of bilevel.validationBatchSize, 64; write 32'],
  ['every row excluded', 'selection: { trainedRows: exclude }', 'run.yaml:2: selection.trainedRows: found "exclude" with bilevel.trainingFraction 1, allowed: exclude only where the other rows suffice for selection.fraction 0.2: bilevel.trainingFraction at most 0.8'],
  ["another run's selection for no arm", 'selection: { from: other/round-3 }\ncomparison: { arms: [{ name: random, selector: random }] }', 'run.yaml:2: selection.from: found "other/round-3" and no arm to use it, allowed: selection.from with an arm of selector bliss in comparison.arms; add the arm or remove selection.from'],
  ['a compile timeout under the heartbeat', 'worker: { compileTimeout: 20 }', 'run.yaml:2: worker.compileTimeout: found 20, allowed: at least worker.heartbeatTimeout, 60 seconds'],
  // YAML
  ['a key twice', 'warmUp:\n  steps: 300\n  steps: 400', 'run.yaml:4: warmUp.steps: set twice, first on line 3; keep one of them'],
  ['a list without its end', 'seeds: [0\nname: x', 'run.yaml:3: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ['a tab', 'warmUp:\n\tsteps: 3', 'run.yaml:3: not valid YAML: Tabs are not allowed as indentation'],
  ['an unknown tag', 'name: !mine x', 'run.yaml:2: not valid YAML: Unresolved tag: !mine'],
  ['an alias of nothing', 'seeds: *all', 'run.yaml:2: not valid YAML: *all refers to no anchor before it'],
  ['two documents', '---\nname: x', 'run.yaml:2: a second YAML document begins, where one is allowed'],
];

const nine = (name: string): string => `[${Array.from({ length: 9 }, () => name).join(', ')}]`;

describe('one message, whole:', () => {
  test.each(cases)('%s', (_, yaml, message) => expect(refused(`extends: demo\n${yaml}\n`)).toBe(message));

  test.each([
    ['an empty file', '', 'run.yaml:1: found nothing, allowed: a mapping of the run’s fields; "bliss init FILE" writes a file to start from'],
    ['a list', '- a', 'run.yaml:1: found a list of 1, allowed: a mapping of the run’s fields; "bliss init FILE" writes a file to start from'],
    ['an unknown preset', 'name: x\nextends: dmo', `run.yaml:2: extends: found "dmo", allowed: a preset, one of ${PRESETS}; did you mean demo?`],
    ['no preset', 'extends: [demo]', `run.yaml:1: extends: found a list of 1, allowed: a preset, one of ${PRESETS}`],
  ])('%s', (_, yaml, message) => expect(refused(yaml)).toBe(message));

  test('several problems: all of them, by line', () => {
    expect(refused('rounds: 0\nname: x\nextends: demo\npretraining:\n  step: 3\nbilevel: { klWeight: -1 }\n')).toBe(
      [
        'run.yaml: 3 problems',
        'run.yaml:1: rounds: found 0, allowed: an integer ≥ 1',
        'run.yaml:5: pretraining.step: unknown key; did you mean steps?',
        'run.yaml:6: bilevel.klWeight: found -1, allowed: a number ≥ 0',
      ].join('\n  '),
    );
  });

  test('a file with hardly anything says what to add', () => {
    expect(refused('name: mine\ndata: { rowsPerGroup: 100 }\n')).toBe(
      [
        'run.yaml: 6 problems',
        'run.yaml:1: tokenizer: found nothing, allowed: a mapping with type: train or file; add tokenizer: {type: train, ...}',
        'run.yaml:1: heldOut: found nothing, allowed: a mapping; add heldOut: {source: ...}',
        'run.yaml:1: models: found nothing, allowed: a mapping; add models: {vocabularySize: ..., proxy: ..., target: ...}',
        'run.yaml:1: warmUp: found nothing, allowed: a mapping; add warmUp: {batchSize: ...}',
        'run.yaml:1: pretraining: found nothing, allowed: a mapping; add pretraining: {batchSize: ...}',
        'run.yaml:2: data.sources: found nothing, allowed: a list of 1 or more: a mapping with type: demo or archive or files or tokens; add sources:',
      ].join('\n  '),
    );
  });

  test('a flood is cut', () => {
    const message = refused(`extends: demo\nseeds:\n${'  - x\n'.repeat(30)}`);
    expect(message.split('\n')).toHaveLength(22);
    expect(message).toMatch(/^run\.yaml: 30 problems\n {2}run\.yaml:3: seeds\.0: found "x"[^]*\n {2}and 10 more$/);
  });

  test('aliases of aliases do not eat the memory', () => {
    expect(refused(`a: &a ${nine('x')}\nb: &b ${nine('*a')}\nc: &c ${nine('*b')}\nd: ${nine('*c')}\n`)).toBe(
      'run.yaml:1: not valid YAML: Excessive alias count indicates a resource exhaustion attack',
    );
  });
});

describe('a source that is not there:', () => {
  const cwd = mkdtempSync(path.join(os.tmpdir(), 'bliss-config-'));
  const fix = `presets: ${PRESETS}; "bliss init FILE" writes a file to start from`;
  test.each([
    ['dmo', `dmo: neither a file nor a preset; did you mean demo? ${fix}`],
    ['my/run.yaml', `my/run.yaml: neither a file nor a preset; ${fix}`],
    ['.', `.: a folder, where a YAML file or a preset is needed; ${fix}`],
  ])('%s', (source, message) => expect(refusal(() => loadConfig({ source, cwd }))).toBe(message));
});
