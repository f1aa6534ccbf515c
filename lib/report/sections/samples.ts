import { folded, html, type Html } from '../html.js';
import { figures, unique } from '../numbers.js';
import type { ReportData, SampleGroup } from '../types.js';
import { empty, type Section } from './section.js';

const PLACES: Readonly<Record<SampleGroup['place'], { readonly title: string; readonly see: string }>> = {
  top: { title: 'Top', see: 'The best scored rows: they should read like the held-out text.' },
  border: { title: 'Border', see: 'Rows next to the cut, on both sides: here a small change of the scores decides.' },
  bottom: { title: 'Bottom', see: 'The worst scored rows.' },
};

export function samplesSection(data: ReportData): Section {
  const names = unique(data.samples.map(({ arm, round, seed }) => `${arm}, round ${round}, seed ${seed}`));
  const lastRound = Math.max(...data.samples.map(({ round }) => round));
  const opened = data.samples.find(({ round }) => round === lastRound);
  const openedName = opened === undefined ? undefined : `${opened.arm}, round ${opened.round}, seed ${opened.seed}`;
  const body = names.length === 0 ? empty('No samples were kept.') : html`${names.map((name) => {
    const groups = data.samples.filter(({ arm, round, seed }) => `${arm}, round ${round}, seed ${seed}` === name);
    return folded(`Samples of ${name}`, html`${groups.map(group)}`, name === openedName);
  })}`;
  return { id: 'samples', title: 'Samples', body };
}

function group({ place, samples }: SampleGroup): Html {
  const { title, see } = PLACES[place];
  return html`<h3>${title}</h3><p>${see}</p>${samples.map((sample) => html`<article class="sample"><header><span class="tag">${sample.source}</span>${
    sample.score === undefined ? undefined : html`<span>score ${figures(sample.score)}</span>`
  }<span>${sample.selected ? 'selected' : 'not selected'}</span>${sample.trainedScorer === true ? html`<span>trained the scorer</span>` : undefined}<code>${sample.id}</code></header><pre>${sample.text}</pre></article>`)}`;
}
