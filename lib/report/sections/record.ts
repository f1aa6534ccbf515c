import * as Plot from '@observablehq/plot';
import { figure, folded, html, table, type Html, type HtmlValue } from '../html.js';
import { bytes, figures, seconds, unique } from '../numbers.js';
import { draw, WIDE } from '../plot.js';
import type { LineageEntry, ReportData } from '../types.js';
import { empty, type Section } from './section.js';
import { counted } from '../../counted.js';

export function timingsSection(data: ReportData): Section {
  return { id: 'timings', title: 'Time by stage', body: data.timings.length === 0 ? empty('No times were recorded.') : timings(data) };
}

function timings({ timings: all }: ReportData): Html {
  // seeds do the same work: one bar a stage, the sum over seeds
  const kind = (stage: string): string => stage.replace(/^seed-\d+\//, '');
  const bars = unique(all.map(({ stage }) => kind(stage))).map((name) => {
    const own = all.filter(({ stage }) => kind(stage) === name);
    return { name, seconds: own.reduce((sum, one) => sum + one.seconds, 0), runs: own.length, cached: own.filter(({ cached }) => cached).length };
  });
  const total = all.reduce((sum, one) => sum + one.seconds, 0);
  const graphic = draw({
    label: `time by stage in seconds, all ${seconds(total)} together`,
    width: WIDE,
    height: 60 + 20 * bars.length,
    marginLeft: 190,
    marginRight: 90,
    x: { label: 'seconds →', grid: true },
    y: { label: null, domain: bars.map(({ name }) => name), padding: 0.25 },
    marks: [
      Plot.barX(bars, { x: 'seconds', y: 'name', fill: 'var(--ink-1)' }),
      Plot.text(bars, { x: 'seconds', y: 'name', text: (b: (typeof bars)[number]) => `${seconds(b.seconds)}${b.cached === 0 ? '' : `, ${b.cached} of ${b.runs} found`}`, textAnchor: 'start', dx: 5, fill: 'currentColor' }),
    ],
  });
  return figure({
    graphic,
    caption: `Computing time of each stage, summed over seeds and attempts: ${seconds(total)} in all. Stages run side by side, so a run takes less. “Found”: finished by an earlier run and taken from the store.`,
    numbers: folded('Every stage', table({
      caption: 'In the order of the run; waited for data: share of the time that steps went on',
      rows: all,
      columns: [
        { name: 'stage', cell: (t) => html`<code>${t.stage}</code>` },
        { name: 'seconds', numeric: true, cell: (t) => figures(t.seconds) },
        { name: 'attempts', numeric: true, cell: (t) => t.attempts },
        { name: 'waited for data', numeric: true, cell: ({ dataWait }) => (dataWait === undefined || dataWait.of === 0 ? '–' : `${(100 * dataWait.seconds / dataWait.of).toFixed(2)} %`) },
        { name: 'found finished', cell: (t) => (t.cached ? 'yes' : 'no') },
      ],
    })),
  });
}

const SHORT = 12;
const digest = (hex: string): Html => html`<code class="digest">${hex}</code>`;

export function lineageSection(data: ReportData): Section {
  const made = new Set(data.lineage.map((entry) => entry.digest));
  const input = ([name, hex]: [string, string]): Html => html`<div>${name} ${made.has(hex) ? html`<a href="#made-${hex}"><code>${hex.slice(0, SHORT)}</code></a>` : html`<code>${hex.slice(0, SHORT)}</code>`}</div>`;
  const first = new Set<string>();
  const anchor = (hex: string): HtmlValue => {
    if (first.has(hex)) return digest(hex);
    first.add(hex);
    return html`<span id="made-${hex}">${digest(hex)}</span>`;
  };
  const body = data.lineage.length === 0 ? empty('No artifacts were recorded.') : html`<p>Which artifact came from which. Equal digests mean equal content, whatever run made it.</p>${folded(`All ${counted(data.lineage.length, 'artifact')}`, table<LineageEntry>({
    caption: 'Artifacts in the order of the run; digests over canonical content (sha256)',
    rows: data.lineage,
    columns: [
      { name: 'stage', cell: (e) => html`<code>${e.stage}</code><div>${e.kind}, ${bytes(e.size)}</div><div>code ${e.codeVersion}</div>` },
      { name: 'digest, and sha256 of the manifest', cell: (e) => html`${anchor(e.digest)}<br>${digest(e.sha256)}` },
      { name: 'made from', cell: (e) => html`${Object.entries(e.inputs).map(input)}` },
    ],
  }))}`;
  return { id: 'lineage', title: 'Lineage', body };
}

export function digestsSection(data: ReportData): Section {
  const rows = Object.entries(data.digests);
  const body = rows.length === 0 ? empty('No digests were given.') : html`<p>The same configuration gives the same digests, in any home, interrupted or not.</p>${table({
    caption: 'Over all seeds and arms (sha256)', rows,
    columns: [{ name: 'of', cell: ([name]) => name }, { name: 'digest', cell: ([, hex]) => digest(hex) }],
  })}`;
  return { id: 'digests', title: 'Digests', body };
}

export function environmentSection(data: ReportData): Section {
  const rows = Object.entries(data.environment);
  const body = rows.length === 0 ? empty('Nothing is known of where it ran.') : table({
    caption: 'Where it ran; under another numerics fingerprint the last bits may differ', rows,
    columns: [{ name: 'what', cell: ([name]) => name }, { name: 'value', cell: ([, value]) => html`<code class="digest">${value === null ? '–' : String(value)}</code>` }],
  });
  return { id: 'environment', title: 'Environment', body };
}

export const configurationSection = (data: ReportData): Section => ({
  id: 'configuration',
  title: 'Configuration',
  body: html`<p>The whole configuration with all defaults; <code>bliss run FILE</code> with this text repeats the run.</p>${folded('Show', html`<pre>${data.configYaml}</pre>`)}`,
});
