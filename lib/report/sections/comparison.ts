import { compareArms, type ComparedArm } from '../comparison.js';
import { html, table, type Html } from '../html.js';
import { missingText } from '../missing.js';
import { figures, loss, percent, seconds } from '../numbers.js';
import type { ReportData } from '../types.js';
import type { Verdict } from '../verdict.js';
import { empty, type Section } from './section.js';

/** Every arm beside the random one: gain with its interval, tokens to random's end, what choosing cost; and how far selections agree. */
export function comparisonSection(data: ReportData): Section {
  const compared = compareArms(data);
  const body = compared.length < 2 ? empty('The run has one arm: there is nothing to compare it with.') : html`${armsTable(compared, data)}${missingNote(data)}${overlapTable(data)}`;
  return { id: 'comparison', title: 'Arms side by side', body };
}

/** Where evaluations are missing, a gain may be of an earlier round than the losses beside it. */
const ofRound = ({ round }: Verdict, { missing = [] }: Pick<ReportData, 'missing'>): string => (missing.length === 0 || round === undefined ? '' : ` (round ${round})`);

const missingNote = ({ missing = [] }: ReportData): Html | undefined =>
  missing.length === 0 ? undefined : html`<p>Failed, and therefore missing: the evaluations of ${missingText(missing)}. What would need them is of the last round that is there.</p>`;

const armsTable = (rows: readonly ComparedArm[], { missing = [] }: ReportData): Html =>
  html`${table({
    caption: 'After the last round. Gain: the random arm’s loss minus the arm’s, nats a token, paired by seed; its 95% interval is over seeds',
    rows,
    columns: [
      { name: 'arm', cell: ({ arm }) => arm },
      { name: 'selector', cell: ({ selector }) => selector },
      { name: 'loss', numeric: true, cell: (row) => (missing.length > 0 && Number.isNaN(row.loss) ? 'missing' : loss(row.loss)) },
      { name: 'gain on random', numeric: true, cell: ({ verdict }) => (verdict?.difference === undefined ? '' : `${loss(verdict.difference)}${ofRound(verdict, { missing })}`) },
      { name: '95% interval', numeric: true, cell: ({ verdict }) => (verdict?.interval === undefined ? '' : `${loss(verdict.interval[0])} to ${loss(verdict.interval[1])}`) },
      { name: 'seeds better', numeric: true, cell: ({ verdict }) => (verdict === undefined ? '' : `${verdict.seeds.filter(({ difference }) => difference > 0).length} of ${verdict.seeds.length}`) },
      { name: 'tokens to random’s last loss', numeric: true, cell: ({ reached }) => (reached === undefined ? '' : reached.seeds === 0 ? 'not reached' : `${percent(reached.share)}${reached.seeds < reached.of ? ` (${reached.seeds} of ${reached.of} seeds)` : ''}`) },
      { name: 'time to choose', numeric: true, cell: (row) => seconds(row.seconds) },
      { name: 'FLOP to choose', numeric: true, cell: ({ flops }) => (flops === 0 ? '–' : figures(flops)) },
    ],
  })}<p>Tokens count from the target’s first, warm-up included, and between two evaluations the loss is taken to fall evenly; an arm that is there after its first round counts with all of that round. Time and FLOP to choose are of learning, scoring and selecting, all seeds and rounds together; what was found finished cost nothing.</p>`;

function overlapTable({ comparison }: ReportData): Html | undefined {
  const overlaps = comparison?.overlaps ?? [];
  if (overlaps.length === 0) return undefined;
  const arms = [...new Set(overlaps.map(({ a }) => a))];
  const share = (a: string, b: string): number => overlaps.find((one) => one.a === a && one.b === b)?.share ?? Number.NaN;
  return table({
    caption: 'Share of one arm’s selected rows that another selected too, mean over seeds and rounds; two draws by chance share the selected fraction',
    rows: arms,
    columns: [{ name: 'of', cell: (arm) => arm }, ...arms.map((other) => ({ name: other, numeric: true, cell: (arm: string) => (arm === other ? '' : percent(share(arm, other))) }))],
  });
}
