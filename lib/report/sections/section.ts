import { html, type Html } from '../html.js';
import { colour, dash, type LegendEntry } from '../plot.js';
import type { ReportData } from '../types.js';

/** One part of the report. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Html;
}

export const empty = (what: string): Html => html`<p class="empty">${what}</p>`;

/** Colour and dash belong to an arm throughout the report. */
export function armStyle(data: ReportData, arm: string | null): { readonly colour: string; readonly dash: string | undefined; readonly index: number } {
  const index = data.arms.findIndex(({ name }) => name === arm);
  return index < 0 ? { colour: 'var(--muted)', dash: undefined, index: 0 } : { colour: colour(index), dash: dash(index), index };
}

export const armLegend = (data: ReportData, arms: readonly (string | null)[]): Html =>
  legend(arms.map((arm) => {
    const style = armStyle(data, arm);
    return { name: arm ?? 'warm-up, shared by all arms', colour: style.colour, dash: style.dash };
  }));

/** For figures of marks: as `symbol` of plot.ts draws them. */
export const armMarkLegend = (data: ReportData, arms: readonly string[]): Html =>
  legend([
    ...arms.map((arm) => {
      const style = armStyle(data, arm);
      return { name: arm, colour: style.colour, mark: (['disc', 'square', 'triangle', 'diamond'] as const)[style.index] ?? ('disc' as const) };
    }),
    { name: 'corpus', colour: 'currentColor', mark: 'stroke' },
  ]);

export const legend = (entries: readonly LegendEntry[]): Html =>
  html`<ul class="legend">${entries.map((entry) => html`<li><svg width="28" height="12" aria-hidden="true">${sign(entry)}</svg>${entry.name}</li>`)}</ul>`;

function sign({ colour: ink, dash: dashes, mark = 'line' }: LegendEntry): Html {
  switch (mark) {
    case 'line':
      return html`<line x1="1" x2="27" y1="6" y2="6" stroke="${ink}" stroke-width="2.5"${dashes === undefined ? undefined : html` stroke-dasharray="${dashes}"`}/>`;
    case 'disc':
      return html`<circle cx="14" cy="6" r="5" fill="${ink}"/>`;
    case 'square':
      return html`<rect x="9.5" y="1.5" width="9" height="9" fill="${ink}"/>`;
    case 'open square':
      return html`<rect x="9.5" y="1.5" width="9" height="9" fill="none" stroke="${ink}" stroke-width="1.8"/>`;
    case 'triangle':
      return html`<path d="M14,1L20,11L8,11Z" fill="${ink}"/>`;
    case 'diamond':
      return html`<path d="M14,0L19,6L14,12L9,6Z" fill="${ink}"/>`;
    case 'stroke':
      return html`<line x1="14" x2="14" y1="0" y2="12" stroke="${ink}" stroke-width="2"/>`;
  }
}

/** At most `most` of the items, evenly, the first and the last among them: a table is read, not plotted. */
export function thinned<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]);
}
