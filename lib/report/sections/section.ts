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

export const legend = (entries: readonly LegendEntry[]): Html =>
  html`<ul class="legend">${entries.map(
    (entry) => html`<li><svg width="28" height="10" aria-hidden="true"><line x1="1" x2="27" y1="5" y2="5" stroke="${entry.colour}" stroke-width="2.5"${entry.dash === undefined ? '' : html` stroke-dasharray="${entry.dash}"`}/></svg>${entry.name}</li>`,
  )}</ul>`;

/** At most `most` of the items, evenly, the first and the last among them: a table is read, not plotted. */
export function thinned<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]);
}
