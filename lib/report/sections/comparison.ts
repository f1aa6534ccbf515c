import { compareArms, isCeiling, type ComparedArm } from '../comparison.js';
import { html, table, type Column, type Html } from '../html.js';
import { leadText, withInterval } from '../lead.js';
import { missingText } from '../missing.js';
import { figures, loss, percent, seconds } from '../numbers.js';
import type { ReportData } from '../types.js';
import type { Verdict } from '../verdict.js';
import { costFigure } from './cost.js';
import { empty, type Section } from './section.js';

/** Every arm beside the random one: gain with its interval, tokens to random's end, what choosing cost; and how far selections agree. */
export function comparisonSection(data: ReportData): Section {
  const compared = compareArms(data);
  const body = compared.length < 2 ? empty('The run has one arm: there is nothing to compare it with.') : html`${leadNote(compared)}${armsTable(compared, data)}${leadTable(compared)}${missingNote(data)}${costFigure(data, compared)}${overlapTable(data)}`;
  return { id: 'comparison', title: 'Arms side by side', body };
}

function leadNote(compared: readonly ComparedArm[]): Html | undefined {
  const text = leadText(compared);
  return text === undefined ? undefined : html`<p>${text}</p>`;
}

/** Where evaluations are missing, a gain may be of an earlier round than the losses beside it. */
const ofRound = ({ round }: Verdict, { missing = [] }: Pick<ReportData, 'missing'>): string => (missing.length === 0 || round === undefined ? '' : ` (round ${round})`);

const missingNote = ({ missing = [] }: ReportData): Html | undefined =>
  missing.length === 0 ? undefined : html`<p>Failed, and therefore missing: the evaluations of ${missingText(missing)}. What would need them is of the last round that is there.</p>`;

/** Against random alone the table of arms says the same. */
function leadTable(compared: readonly ComparedArm[]): Html | undefined {
  const rows = compared.flatMap(({ arm, selector, lead }) => (lead?.difference === undefined ? [] : [{ arm, selector, lead }]));
  if (rows.length === 0 || (rows.length === 1 && rows[0].selector === 'random')) return undefined;
  return table({
    caption: `How much lower the loss of ${rows[0].lead.arm} is, nats a token, paired by seed; the interval is over seeds, or of a single seed by the errors of both evaluations`,
    rows,
    columns: [
      { name: 'than that of', cell: ({ arm }) => arm },
      { name: 'lower by, 95% interval', numeric: true, cell: ({ lead }) => withInterval(lead) },
      { name: 'seeds better', numeric: true, cell: ({ lead }) => better(lead) },
      { name: 'after round', numeric: true, cell: ({ lead }) => lead.round },
    ],
  });
}

function armsTable(rows: readonly ComparedArm[], { missing = [] }: ReportData): Html {
  const oracle = rows.find(isCeiling)?.arm;
  const columns: readonly Column<ComparedArm>[] = [
    { name: 'arm', cell: ({ arm }) => arm },
    { name: 'selector', cell: ({ selector }) => selector },
    { name: 'loss', numeric: true, cell: (row) => (missing.length > 0 && Number.isNaN(row.loss) ? 'missing' : loss(row.loss)) },
    { name: 'gain on random, 95% interval', numeric: true, cell: ({ verdict }) => (verdict?.difference === undefined ? '' : `${withInterval(verdict)}${ofRound(verdict, { missing })}`) },
    { name: 'seeds better', numeric: true, cell: ({ verdict }) => (verdict === undefined ? '' : better(verdict)) },
    ...(oracle === undefined ? [] : [{ name: `share of the gain of ${oracle}`, numeric: true, cell: ({ ofOracle }: ComparedArm) => (ofOracle === undefined ? '' : percent(ofOracle.share)) }]),
    { name: 'tokens to random’s last loss', numeric: true, cell: ({ reached }) => (reached === undefined ? '' : reached.seeds === 0 ? 'not reached' : `${percent(reached.share)}${reached.seeds < reached.of ? ` (${reached.seeds} of ${reached.of} seeds)` : ''}`) },
    { name: 'time to choose, a round', numeric: true, cell: ({ perRound }) => (perRound === undefined ? '' : perRound.seconds === null ? 'not known' : seconds(perRound.seconds)) },
    { name: 'FLOP to choose, a round', numeric: true, cell: ({ perRound }) => (perRound === undefined ? '' : perRound.flops === 0 ? '–' : figures(perRound.flops)) },
    { name: 'gain for an hour of choosing', numeric: true, cell: ({ gainPerHour }) => (gainPerHour === undefined ? '' : figures(gainPerHour)) },
  ];
  return html`${table({ caption: 'After the last round. Gain: the random arm’s loss minus the arm’s, nats a token, paired by seed; its 95% interval is over seeds', rows, columns })}<p>Tokens count from the target’s first, warm-up included, and between two evaluations the loss is taken to fall evenly; an arm that is there after its first round counts with all of that round. Time and FLOP to choose are of learning, scoring and selecting, the mean of a round of one seed, as the arm would take on its own; FLOP of a phase that stopped by itself are of the steps it took. Gain for an hour: gain over the time to choose in all rounds.${oracle === undefined ? undefined : ` The arm ${oracle} chooses by what no other arm knows: a ceiling, and no rival. The share of its gain is mean gain over mean gain, of the seeds that have both.`}</p>`;
}

const better = ({ seeds }: Verdict): string => `${seeds.filter(({ difference }) => difference > 0).length} of ${seeds.length}`;

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
