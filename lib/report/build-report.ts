import { Html, html, jsonForScript } from './html.js';
import { comparisonSection } from './sections/comparison.js';
import { bilevelSection, trainingSection } from './sections/curves.js';
import { heldOutCurveSections } from './sections/held-out-curve.js';
import { learntSections } from './sections/learnt.js';
import { configurationSection, digestsSection, environmentSection, lineageSection, timingsSection } from './sections/record.js';
import { resultsSection, verdictTable } from './sections/results.js';
import { samplesSection } from './sections/samples.js';
import type { Section } from './sections/section.js';
import { separationSections } from './sections/separation.js';
import { scoresSection, selectionSection } from './sections/selection.js';
import { STYLE } from './style.js';
import { tasksSection } from './sections/tasks.js';
import type { ReportData } from './types.js';
import { verdictOf, type Verdict } from './verdict.js';

/**
 * The run's report: one HTML file that loads nothing. The answer stands first; every figure has its numbers in a table;
 * all that it was made from lies in it as JSON (`<script id="report-data">`). A pure function of the data.
 */
export function buildReport(data: ReportData): string {
  const verdict = verdictOf(data);
  const sections = [
    resultsSection(data), ...tasksSection(data), comparisonSection(data), ...heldOutCurveSections(data), trainingSection(data), bilevelSection(data), ...learntSections(data), scoresSection(data), ...separationSections(data), selectionSection(data), samplesSection(data),
    timingsSection(data), lineageSection(data), digestsSection(data), environmentSection(data), configurationSection(data),
  ];
  const title = `${data.run}: ${verdict.headline}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${STYLE_TEXT}</style>
</head>
<body>
<div class="page">
${contents(sections)}
<main>
<h1>Run ${data.run}</h1>
${banner(verdict, data)}
${sections.map(({ id, title: name, body }) => html`<section aria-labelledby="${id}"><h2 id="${id}">${name}</h2>
${body}
</section>
`)}
</main>
</div>
<script type="application/json" id="report-data">${jsonForScript(data)}</script>
</body>
</html>
`.text;
}

/** Our own constant: it holds no user's text and must not be escaped. */
const STYLE_TEXT = new Html(STYLE);

function banner(verdict: Verdict, data: ReportData): Html {
  const state = data.state === undefined || data.state === 'done' ? undefined : html`<p>State of the run: ${data.state}.</p>`;
  const notes = data.notes === undefined || data.notes.length === 0 ? undefined : html`<ul class="notes">${data.notes.map((note) => html`<li>${note}</li>`)}</ul>`;
  return html`<div class="verdict ${verdict.outcome}" role="status"><strong>${verdict.headline}</strong><p>${verdict.detail}</p>${state}</div>${notes}
${verdictTable(verdict)}`;
}

const contents = (sections: readonly Section[]): Html =>
  html`<nav aria-label="Contents"><strong>Contents</strong><ol>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ol></nav>`;
