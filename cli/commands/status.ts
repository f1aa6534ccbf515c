import type { Command } from 'commander';
import { BlissError } from '../../lib/errors.js';
import type { Home, RunRecord } from '../../lib/home.js';
import { isFinished } from '../../lib/timings.js';
import { serverFault } from '../../workers/server-fault.js';
import { action } from '../command.js';
import { columns, duration } from '../format.js';
import { errorText, type Output } from '../output.js';
import { listRuns, readOutcome, requireRecord } from '../runs.js';
import { peekSession, type Session } from '../session.js';
import { failureText, settle } from '../follow/index.js';
import { alertLines, currentStages, openDisplay, runHeadline, type RunView, stageTable, stateOf, troublesOf, viewRun, type ViewRun } from '../view/index.js';

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('show all runs, or the stages of one run with state, progress, loss, rate and time left')
    .argument('[run]', 'name of a run')
    .option('--follow', 'keep showing it until it ends')
    .action(
      action(async ({ home, output, homeOption }, run: string | undefined, { follow }: { readonly follow?: boolean }) => {
        const records = run === undefined ? listRuns(home) : [requireRecord(home, run)];
        const onFault = once((fault) => output.note(errorText(fault)));
        if (follow === true) return followRuns({ home, output, homeOption, run, onFault });
        const views = await look({ home, homeOption, records, onFault });
        const [only] = views;
        if (run !== undefined && only !== undefined) {
          output.say(runText({ home, view: only, homeOption }));
          output.answer(only);
        } else {
          output.say(views.length === 0 ? `no runs in ${home.runs}` : runsTable(views).join('\n'));
          output.answer({ runs: views });
        }
        return 0;
      }),
    );
}

interface Look {
  readonly home: Home;
  readonly homeOption: string;
  /** told why a server does not say how it stands */
  readonly onFault: (fault: BlissError) => void;
}

/** The server is asked only for runs that have not ended. */
async function look({ records, ...where }: Look & { readonly records: readonly RunRecord[] }): Promise<RunView[]> {
  const { home, homeOption, onFault } = where;
  const session = records.every(({ run }) => readOutcome(home.run(run)) !== undefined) ? undefined : await peekSession({ home, mustAnswer: true }).catch((error: unknown) => {
    told(onFault)(error);
    // a stack that cannot be asked from here may well take the runs further
    return error instanceof BlissError && error.code === 'HomeInUse' ? ('in use' as const) : undefined;
  });
  try {
    const views: RunView[] = [];
    for (const record of records) views.push(viewRun({ record, folder: home.run(record.run), ...(session === 'in use' ? { open: 'unknown' as const } : await openState({ ...where, record, session })), homeOption }));
    return views;
  } finally {
    if (session !== 'in use') await session?.connection.close();
  }
}

async function openState({ home, record, session, onFault }: Look & { readonly record: RunRecord; readonly session: Session | undefined }): Promise<Pick<ViewRun, 'open' | 'failures' | 'troubles'>> {
  const silent = { open: record.server === 'configured' ? 'unknown' : 'stopped' } as const;
  if (session === undefined || session.server.kind !== record.server) return silent;
  try {
    const settled = await settle({ session, home, run: record.run });
    if (settled.kind === 'missing') return { open: 'stopped' };
    if (settled.kind === 'closed') return { open: 'running' };
    return { open: stateOf(settled), failures: settled.failures, troubles: await session.connection.withDeadline(Date.now() + LOOK_TIMEOUT_MS, () => troublesOf(session, record.run)).catch(() => []) };
  } catch (error) {
    const fault = record.server === 'configured' ? serverFault({ error, server: session.server }) : undefined; // a local one is being started or ended
    if (fault !== undefined) onFault(fault);
    return silent;
  }
}

/** A server that does not say keeps nobody from what the home knows of its runs. */
function told(onFault: (fault: BlissError) => void): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof BlissError)) throw error;
    onFault(error);
  };
}

/** Who follows sees it once. */
function once(tell: (fault: BlissError) => void): (fault: BlissError) => void {
  let said = '';
  return (fault) => {
    if (fault.message !== said) tell(fault);
    said = fault.message;
  };
}

const LOOK_EVERY_MS = 1_000;
/** what is tried again is told beside the rest: a server that is slow to say keeps nobody waiting */
const LOOK_TIMEOUT_MS = 4_000;

/** Until the run, or every run there is, has ended or stopped. */
async function followRuns({ home, output, homeOption, run, onFault }: Look & { readonly output: Output; readonly run: string | undefined }): Promise<0 | 1> {
  const display = openDisplay(output, undefined);
  for (;;) {
    const records = run === undefined ? listRuns(home).filter((record) => readOutcome(home.run(record.run)) === undefined).slice(-1) : [requireRecord(home, run)];
    const [view] = await look({ home, homeOption, records, onFault });
    if (view === undefined) {
      output.note('no run is going on');
      return 0;
    }
    display.show(view);
    if (view.state !== 'running') {
      display.end();
      const outcome = readOutcome(home.run(view.run));
      if (outcome !== undefined && outcome.state !== 'done') output.fault(failureText({ run: view.run, outcome, homeOption }));
      else output.note(runHeadline(view) + (view.hint === undefined ? '' : `; ${view.hint}`));
      output.answer(view);
      return view.state === 'done' ? 0 : 1;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function runText({ home, view, homeOption }: { readonly home: Home; readonly view: RunView; readonly homeOption: string }): string {
  const outcome = readOutcome(home.run(view.run));
  return [
    runHeadline(view),
    ...alertLines(view),
    '',
    ...stageTable(view.stages),
    '',
    ...(view.state === 'done' ? [`report: ${home.run(view.run).report}`] : []),
    ...(outcome !== undefined && outcome.state !== 'done' ? [failureText({ run: view.run, outcome, homeOption })] : view.hint === undefined ? [] : [`${view.state}; ${view.hint}`]),
  ].join('\n').trimEnd();
}

function runsTable(views: readonly RunView[]): string[] {
  const rows = views.map((view) => {
    const done = view.stages.filter(isFinished).length;
    const now = view.state === 'done' ? '' : currentStages(view).map(({ stage, step, of }) => (of > 0 ? `${stage} ${step}/${of}` : stage))[0] ?? '';
    const alerts = [...(view.failures === undefined ? [] : [`${view.failures.count} failed`]), ...(view.troubles === undefined ? [] : [`${view.troubles.length} tried again and again`]), ...(view.hint === undefined ? [] : [view.hint])];
    return [view.run, view.state, `${duration((Date.now() - Date.parse(view.submittedAt)) / 1000)} ago`, `${done}/${view.stages.length}`, alerts.length === 0 ? now : `${now}  (${alerts.join('; ')})`];
  });
  return columns([['run', 'state', 'submitted', 'stages', 'now'], ...rows]);
}
