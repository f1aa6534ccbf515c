import { bilevelProblems } from './bilevel-problems.js';
import { shardForHalf, smallerHalf } from './halves.js';
import { OWN_ITEMS } from './tables/tasks.js';
import { oracleProblems } from './oracle-problems.js';
import { matesProblems } from './mates-problems.js';
import { modelProblems } from './model-problems.js';
import { expected } from './problem.js';
import type { FieldPath, Problem } from './problem.js';
import type { RunConfig } from './fields.js';
import { isMade, isMadeCorpus } from './made-corpora.js';
import { isGiven } from './tables/selectors.js';

/** What no field can say alone. Each check names the field to fix and those it was held against. */
export function crossFieldProblems(config: RunConfig): Problem[] {
  return [
    ...seedsAndArms(config),
    ...corpus(config),
    ...vocabulary(config),
    ...modelProblems(config.models.proxy, ['models', 'proxy']),
    ...modelProblems(config.models.target, ['models', 'target']),
    ...schedules(config),
    ...batches(config),
    ...microBatches(config),
    ...selection(config),
    ...bilevelProblems(config.bilevel),
    ...matesProblems(config),
    ...oracleProblems(config),
    ...worker(config),
    ...notices(config),
  ];
}

/** Rows that a share of a group surely holds, whichever way its size is rounded. */
const rowsOf = (rows: number, share: number): number => Math.floor(rows * share + 1e-9);

function seedsAndArms({ seeds, comparison, evaluation }: RunConfig): Problem[] {
  return [
    ...repeated(seeds, (i) => ['seeds', i], 'each seed once'),
    ...repeated(comparison.arms.map((arm) => arm.name), (i) => ['comparison', 'arms', i, 'name'], 'names that differ'),
    ...repeated(evaluation.sets, (i) => ['evaluation', 'sets', i], 'each set once'),
    ...tasksWithoutItems(evaluation),
    ...repeated((evaluation.tasks ?? []).map(({ name }) => name), (i) => ['evaluation', 'tasks', i, 'name'], 'each task once'),
  ];
}

function tasksWithoutItems({ tasks = [] }: RunConfig['evaluation']): Problem[] {
  return tasks.flatMap(({ name, path }, i) => (path !== undefined || OWN_ITEMS.includes(name) ? [] : [{ path: ['evaluation', 'tasks', i, 'path'], message: expected('nothing', `a file, glob or folder of items of ${name}`) }]));
}

function notices({ notices: section }: RunConfig): Problem[] {
  if (section === undefined || section.webhook !== undefined || section.command === true) return [];
  return [{ path: ['notices'], message: 'tells nobody', fix: 'add notices.webhook or notices.command: true, or leave notices out' }];
}

function microBatches(config: RunConfig): Problem[] {
  const divides = (section: string, field: string, part: number | undefined, whole: string, of = 0): Problem[] => {
    if (part === undefined || part < 1 || of % part === 0) return []; // below 1 the field itself says
    return [{ path: [section, field], message: expected(String(part), `a divisor of ${section}.${whole}, ${of}`), fix: `write ${largestDivisor(of, part)}` }];
  };
  const { bilevel } = config;
  return [
    ...(['warmUp', 'pretraining', 'color', 'bilevel'] as const).flatMap((section) => divides(section, 'microBatchSize', config[section]?.microBatchSize, 'batchSize', config[section]?.batchSize)),
    ...divides('bilevel', 'validationMicroBatchSize', bilevel.validationMicroBatchSize, 'validationBatchSize', bilevel.validationBatchSize),
  ];
}

const largestDivisor = (of: number, most: number): number => Array.from({ length: Math.min(most, of) }, (_, i) => Math.min(most, of) - i).find((size) => of % size === 0) ?? 1;

function repeated(values: readonly (string | number)[], at: (index: number) => FieldPath, allowed: string): Problem[] {
  const firsts = new Map<string | number, number>();
  return values.flatMap((value, i) => {
    const first = firsts.get(value) ?? i;
    if (first === i) firsts.set(value, i);
    return first === i ? [] : [{ path: at(i), message: expected(`${JSON.stringify(value)} again (as ${at(first).join('.')})`, allowed) }];
  });
}

function corpus({ data, heldOut }: RunConfig): Problem[] {
  const problems: Problem[] = [];
  const made = data.sources.findIndex(isMade);
  if (made >= 0 && data.sources.length > 1) {
    const { type } = data.sources[made];
    problems.push({
      path: ['data', 'sources', made, 'type'],
      message: expected(`"${type}" beside ${data.sources.length - 1} other`, `the ${type} corpus alone, or files only`),
      fix: `remove the ${type}, or the others`,
    });
  }
  data.sources.forEach((source, i) => {
    if (isMade(source) && Object.values(source.mixture).every((share) => share === 0)) {
      problems.push({ path: ['data', 'sources', i, 'mixture'], message: expected('shares that are all 0', 'at least one share > 0') });
    }
  });
  const names = data.sources.map((source) => (isMade(source) ? source.type : source.name));
  const { type: heldOutType } = heldOut.source;
  if (isMadeCorpus(heldOutType) && !data.sources.some(({ type }) => type === heldOutType)) {
    problems.push({
      path: ['heldOut', 'source', 'type'],
      message: expected(`"${heldOutType}" without the ${heldOutType} corpus`, `"files", as data.sources has no source of type ${heldOutType}`),
      fix: 'name files of held-out documents: {type: files, paths: [...]}',
      related: [['data', 'sources']],
    });
  }
  return [...problems, ...(made < 0 ? repeated(names, (i) => ['data', 'sources', i, 'name'], 'names that differ') : [])];
}

function vocabulary({ data, tokenizer, models }: RunConfig): Problem[] {
  const tokenised = data.sources.findIndex((source) => source.type === 'tokens');
  if (tokenizer.type === 'train' && tokenised >= 0) {
    return [{ path: ['tokenizer', 'type'], message: expected('"train" beside a tokenised source', '"file": the tokenizer that made its ids'), fix: 'write { type: file, path: tokenizer.json }', related: [['data', 'sources', tokenised, 'type']] }];
  }
  if (tokenizer.type !== 'train' || tokenizer.vocabularySize <= models.vocabularySize) return [];
  return [
    {
      path: ['models', 'vocabularySize'],
      message: expected(`${models.vocabularySize}`, `at least ${tokenizer.vocabularySize}, the tokenizer.vocabularySize`),
      related: [['tokenizer', 'vocabularySize']],
    },
  ];
}

function schedules({ warmUp, pretraining }: RunConfig): Problem[] {
  return ([['warmUp', warmUp], ['pretraining', pretraining]] as const).flatMap(([section, { steps, warmUpSteps }]) =>
    warmUpSteps <= steps
      ? []
      : [{ path: [section, 'warmUpSteps'], message: expected(`${warmUpSteps}`, `at most ${section}.steps, ${steps}`), related: [[section, 'steps']] }],
  );
}

/** A minibatch never holds a row twice, so each must fit the rows it is drawn from. */
function batches({ data, heldOut, warmUp, bilevel, selection: chosen, pretraining }: RunConfig): Problem[] {
  const pool = rowsOf(data.rowsPerGroup, bilevel.trainingFraction);
  const halved = { ...data, trainingFraction: bilevel.trainingFraction };
  const shard = bilevel.disjointBatches ? shardForHalf(halved, bilevel.batchSize) : undefined;
  const limits = [
    {
      path: ['warmUp', 'batchSize'],
      found: warmUp.batchSize,
      limit: rowsOf(data.rowsPerGroup, warmUp.fraction),
      of: `rows that warmUp.fraction ${warmUp.fraction} takes of data.rowsPerGroup ${data.rowsPerGroup}`,
      related: [['warmUp', 'fraction'], ['data', 'rowsPerGroup']],
    },
    {
      path: ['bilevel', 'batchSize'],
      found: bilevel.batchSize,
      limit: bilevel.disjointBatches ? smallerHalf(halved) : pool,
      of: `rows that ${bilevel.disjointBatches ? 'each of two disjoint halves' : 'the scorer’s part'} of the group has (trainingFraction ${bilevel.trainingFraction} of data.rowsPerGroup ${data.rowsPerGroup}${shard === undefined ? '' : `, in shards of ${data.rowsPerShard}`})`,
      related: [['bilevel', 'trainingFraction'], ['bilevel', 'disjointBatches'], ['data', 'rowsPerGroup'], ['data', 'rowsPerShard']],
      ...(shard === undefined ? {} : { fix: `or write data.rowsPerShard: ${shard}, as row groups are halved one by one` }),
    },
    {
      path: ['bilevel', 'validationBatchSize'],
      found: bilevel.validationBatchSize,
      limit: heldOut.validation,
      of: 'examples of heldOut.validation',
      related: [['heldOut', 'validation']],
    },
    {
      path: ['pretraining', 'batchSize'],
      found: pretraining.batchSize,
      limit: rowsOf(data.rowsPerGroup, chosen.fraction),
      of: `rows that selection.fraction ${chosen.fraction} keeps of data.rowsPerGroup ${data.rowsPerGroup}`,
      related: [['selection', 'fraction'], ['data', 'rowsPerGroup']],
    },
  ];
  return limits.flatMap(({ limit, found, of, ...problem }) => (found <= limit ? [] : [{ ...problem, message: expected(`${found}`, `at most ${limit}, the ${of}`) }]));
}

function selection({ selection: chosen, bilevel, comparison }: RunConfig): Problem[] {
  const problems: Problem[] = [];
  if (chosen.method === 'gumbel-top-k' && chosen.temperature === 0) {
    problems.push({ path: ['selection', 'temperature'], message: expected('0 with gumbel-top-k', 'a number > 0'), fix: 'write selection.method: top-k for no noise', related: [['selection', 'method']] });
  }
  if (chosen.trainedRows === 'exclude' && 1 - bilevel.trainingFraction < chosen.fraction - 1e-9) {
    problems.push({
      path: ['selection', 'trainedRows'],
      message: expected(
        `"exclude" with bilevel.trainingFraction ${bilevel.trainingFraction}`,
        `exclude only where the other rows suffice for selection.fraction ${chosen.fraction}: bilevel.trainingFraction at most ${Number((1 - chosen.fraction).toFixed(6))}`,
      ),
      related: [['bilevel', 'trainingFraction'], ['selection', 'fraction']],
    });
  }
  if (chosen.from !== undefined && !comparison.arms.some((arm) => isGiven(arm.selector, chosen))) {
    problems.push({
      path: ['selection', 'from'],
      message: expected(`"${chosen.from}" and no arm to use it`, 'selection.from with an arm of selector bliss in comparison.arms'),
      fix: 'add the arm or remove selection.from',
      related: [['comparison', 'arms']],
    });
  }
  return problems;
}

function worker({ worker: { heartbeatTimeout, compileTimeout } }: RunConfig): Problem[] {
  if (compileTimeout >= heartbeatTimeout) return [];
  return [
    {
      path: ['worker', 'compileTimeout'],
      message: expected(`${compileTimeout}`, `at least worker.heartbeatTimeout, ${heartbeatTimeout} seconds`),
      related: [['worker', 'heartbeatTimeout']],
    },
  ];
}
