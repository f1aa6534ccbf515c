import type { StageProgressFile } from '../../lib/home.js';
import { isFinished } from '../../lib/timings.js';
import { alertLines } from './alerts.js';
import { clock } from '../format.js';
import type { Output } from '../output.js';
import { fittingTable, runHeadline, stageLine } from './table.js';
import type { RunView } from './view.js';

/** Shows a run as it goes on. */
export interface Display {
  show(view: RunView): void;
  /** a line beside the run's progress */
  note(text: string): void;
  /** leaves the last picture standing */
  end(): void;
}

export const openDisplay = (output: Output, header: string | undefined): Display => (output.live ? liveTable(output, header) : plainLines(output, header));

const REDRAW_MS = 250;

/** A table drawn anew in place. */
function liveTable(output: Output, header: string | undefined): Display {
  let height = 0;
  let drawnAt = 0;
  let last: RunView | undefined;
  const draw = (view: RunView): void => {
    const head = [runHeadline(view), ...alertLines(view)];
    const lines = [...head, ...fittingTable(view, Math.max(4, output.rows - 3 - head.length))].map((line) => line.slice(0, output.columns - 1));
    output.redraw({ over: height, lines });
    height = lines.length;
    drawnAt = Date.now();
  };
  if (header !== undefined) output.note(header);
  return {
    show: (view) => {
      last = view;
      if (Date.now() - drawnAt >= REDRAW_MS) draw(view);
    },
    note: (text) => {
      output.redraw({ over: height, lines: [] });
      height = 0;
      output.note(text);
      if (last !== undefined) draw(last);
    },
    end: () => {
      if (last !== undefined) draw(last);
      height = 0;
      last = undefined;
    },
  };
}

/** In a log a stage that goes on is worth a line this often. */
const LINE_EVERY_MS = 10_000;
/** what goes wrong all the time, this often */
const ALERT_EVERY_MS = 600_000;

/** A line where a stage changes, and every ten seconds where one goes on: for logs and pipes. */
function plainLines(output: Output, header: string | undefined): Display {
  const seen = new Map<string, { readonly state: string; readonly at: number }>();
  const line = (text: string): void => output.note(`${clock(new Date())} ${text}`);
  const show = (stage: StageProgressFile, first: boolean): void => {
    const state = `${stage.state} ${stage.phase ?? ''} ${stage.attempt}`;
    const before = seen.get(stage.stage);
    const changed = before?.state !== state;
    if (!changed && (stage.state !== 'running' || Date.now() - before.at < LINE_EVERY_MS)) return;
    seen.set(stage.stage, { state, at: Date.now() });
    // what was finished before we looked is no news
    if (!(first && isFinished(stage)) && stage.state !== 'waiting') line(stageLine(stage));
  };
  const alerted = new Map<string, number>();
  /** once, and what is tried again once a while: its counter goes on */
  const alert = (text: string): void => {
    const subject = text.replace(/ \d+ times?/, '');
    if (Date.now() - (alerted.get(subject) ?? -Infinity) < ALERT_EVERY_MS) return;
    alerted.set(subject, Date.now());
    line(text);
  };
  let first = true;
  if (header !== undefined) output.note(header);
  return {
    show: (view) => {
      for (const stage of view.stages) show(stage, first);
      if (view.state !== 'done') for (const text of alertLines(view)) alert(text);
      first = false;
    },
    note: line,
    end: () => undefined,
  };
}
