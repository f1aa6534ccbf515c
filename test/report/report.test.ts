import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import { buildReport, type ReportData } from '../../lib/report/index.js';
import { STYLE } from '../../lib/report/style.js';
import { exampleReport } from './example.js';

const data = exampleReport();
const page = buildReport(data);
const { document } = parseHTML(page);
const visible = (document.querySelector('main')?.textContent ?? '').replaceAll('\u00a0', ' ').replaceAll('\u2212', '-');
const shown = (text: string): boolean => visible.includes(text);

test('is a pure function of the data', () => {
  expect(buildReport(exampleReport()) === page).toBe(true); // not toBe(page): a difference would print a megabyte
});

describe('loads nothing', () => {
  const elements = [...document.querySelectorAll('*')];

  test('no address but places within the page, in any attribute', () => {
    const found = elements.flatMap((element) => ['src', 'href', 'xlink:href', 'srcset', 'action', 'data', 'poster', 'background', 'formaction', 'ping'].map((name) => element.getAttribute(name)).filter((value) => value !== null && !value.startsWith('#')));
    expect(elements.length).toBeGreaterThan(500);
    expect(found).toEqual([]);
    expect(elements.filter(({ localName }) => ['link', 'iframe', 'img', 'object', 'embed', 'base', 'form'].includes(localName))).toEqual([]);
  });

  test('no address in a style, and a policy that forbids all', () => {
    const styles = [...document.querySelectorAll('style')].map((style) => style.textContent).concat(elements.map((element) => element.getAttribute('style') ?? '')).join('\n');
    expect(styles).not.toMatch(/url\(|@import|@font-face/i);
    expect(document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content')).toContain("default-src 'none'");
  });

  test('every link within the page has its place', () => {
    const links = [...document.querySelectorAll('a')].map((a) => a.getAttribute('href') ?? '');
    expect(links.length).toBeGreaterThan(11);
    for (const link of links) expect(document.getElementById(link.slice(1)), link).not.toBeNull();
  });
});

describe('holds every number', () => {
  test('in its data, exactly', () => {
    expect(JSON.parse(document.getElementById('report-data')?.textContent ?? '')).toEqual(data);
  });

  test('evaluations in a table, to four places', () => {
    for (const m of data.metrics) {
      for (const text of [`${m.loss.toFixed(4)} ± ${m.lossStandardError.toFixed(4)}`, m.perplexity.toFixed(2), m.lastWordLoss.toFixed(4), `${(100 * m.lastWordAccuracy).toFixed(1)} % ± ${(100 * m.lastWordAccuracyStandardError).toFixed(1)} %`]) expect(shown(text), text).toBe(true);
    }
  });

  test('shares, lift and precision of every selection', () => {
    for (const selection of data.selections) {
      for (const { rows, selectedRows } of selection.sources) {
        const [corpus, selected] = [rows / selection.rows, selectedRows / selection.selectedRows];
        for (const text of [rows.toLocaleString('en-US'), String(selectedRows), `${(100 * corpus).toFixed(1)} %`, `${(100 * selected).toFixed(1)} %`, `${(selected / corpus).toFixed(2)}×`]) expect(shown(text), text).toBe(true);
      }
      expect(shown(`${(100 * (selection.precision?.all ?? NaN)).toFixed(1)} %`)).toBe(true);
      expect(shown(`${(100 * (selection.precision?.withoutTrainedRows ?? NaN)).toFixed(1)} %`)).toBe(true);
    }
  });

  test('digests, times, environment, notes, configuration', () => {
    for (const { digest, sha256 } of data.lineage) expect(visible.includes(digest) && visible.includes(sha256)).toBe(true);
    for (const hex of Object.values(data.digests)) expect(shown(hex)).toBe(true);
    for (const { stage, seconds } of data.timings) expect(visible.includes(stage) && visible.includes(String(seconds))).toBe(true);
    expect(shown('0.20 %')).toBe(true); // of its 38.4 s of steps a warm-up waited 0.0787 s for data
    for (const [name, value] of Object.entries(data.environment)) if (value !== null) expect(visible.includes(name) && visible.includes(String(value))).toBe(true);
    expect(shown('rounds: 2 # two & no more')).toBe(true);
    expect(buildReport({ ...data, notes: ['seed 1 not bit-comparable from step 40'], state: 'stopped' })).toMatch(/stopped[^]*seed 1 not bit-comparable from step 40/);
  });
});

describe('figures', () => {
  test('each has a text for who does not see it, a caption and a table', () => {
    const figures = [...document.querySelectorAll('figure')];
    expect(figures.length).toBeGreaterThanOrEqual(11 + 9); // eleven kinds; a histogram for each of the ten selections with scores
    for (const figure of figures) {
      const svg = figure.querySelector('svg');
      expect(svg?.getAttribute('role')).toBe('img');
      expect(svg?.getAttribute('aria-label')?.length).toBeGreaterThan(20);
      expect(figure.querySelector('figcaption')?.textContent?.length).toBeGreaterThan(30);
    }
    for (const section of document.querySelectorAll('section')) if (section.querySelector('figure') !== null) expect(section.querySelector('details table'), section.getAttribute('aria-labelledby') ?? '').not.toBeNull();
  });

  test('axes are labelled with units', () => {
    for (const label of ['loss (nats a token)', 'last word right (%)', 'training step', 'outer step', 'logit before the sigmoid', 'share (%)', 'seconds']) expect(page.includes(label), label).toBe(true);
  });

  test('hold no coordinate that is not a number', () => {
    const marks = [...document.querySelectorAll('svg *')].flatMap((element) => ['d', 'x', 'y', 'x1', 'x2', 'y1', 'y2', 'cx', 'cy', 'width', 'height', 'transform'].map((name) => element.getAttribute(name) ?? ''));
    expect(marks.length).toBeGreaterThan(1_000);
    expect(marks.filter((value) => /NaN|Infinity|undefined/.test(value))).toEqual([]);
  });

  test('colours stand out from the page in light and dark: 3 to 1 for marks, 4.5 to 1 for text', () => {
    const [light, dark] = STYLE.split('prefers-color-scheme: dark').map((part) => new Map([...part.matchAll(/--([a-z0-9-]+): (#[0-9a-f]{6})/g)].map(([, name, value]) => [name, value])));
    for (const theme of [light, dark]) {
      const against = (name: string): number => contrast(theme.get(name) ?? '', theme.get('page') ?? '');
      for (let i = 1; i <= 6; i++) expect(against(`ink-${i}`)).toBeGreaterThan(3);
      for (const name of ['text', 'muted']) expect(against(name)).toBeGreaterThan(4.5);
    }
  });
});

/** WCAG 2 contrast ratio of two #rrggbb. */
function contrast(a: string, b: string): number {
  const luminance = (hex: string): number => {
    const [r, g, blue] = [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * blue;
  };
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

test('hostile text stays text, wherever it stands', () => {
  const evil = `</script><script>alert(1)</script><img src="http://evil.invalid/x" onerror='alert(2)'>&amp; \u0000\u009b\ud800 end`;
  const base = exampleReport({ seeds: [0], text: evil });
  const renamed = (name: string): string => (name === 'bliss' || name === 'books' ? `${name}${evil}` : name);
  const hostile: ReportData = {
    ...base,
    run: evil,
    configYaml: evil,
    notes: [evil],
    arms: base.arms.map((arm) => ({ ...arm, name: renamed(arm.name) })),
    metrics: base.metrics.map((m) => ({ ...m, arm: renamed(m.arm) })),
    training: base.training.map((t) => ({ ...t, arm: t.arm === null ? null : renamed(t.arm) })),
    selections: base.selections.map((s) => ({ ...s, arm: renamed(s.arm), sources: s.sources.map((one) => ({ ...one, source: renamed(one.source) })) })),
    separations: (base.separations ?? []).map((s) => ({ ...s, arm: renamed(s.arm), sources: s.sources.map((one) => ({ ...one, source: renamed(one.source) })) })),
    timings: [{ stage: evil, seconds: 1, attempts: 1, cached: false }],
    environment: { [evil]: evil },
    digests: { [evil]: 'ab' },
  };
  const { document: parsed } = parseHTML(buildReport(hostile));
  expect(parsed.querySelectorAll('script')).toHaveLength(1);
  expect(parsed.querySelectorAll('img, [onerror], [src]')).toHaveLength(0);
  expect(parsed.querySelector('.sample pre')?.textContent).toBe(evil.replace(/[\u0000\u009b\ud800]/g, '\ufffd')); // oxlint-disable-line no-control-regex -- they are what is looked for
  expect(JSON.parse(parsed.getElementById('report-data')?.textContent ?? '')).toEqual(hostile);
});

test('a run of which nothing is known yet makes a report that says so', () => {
  const bare: ReportData = { run: 'empty', configYaml: '', arms: [], metrics: [], training: [], bilevel: [], selections: [], samples: [], timings: [], lineage: [], digests: {}, environment: {} };
  const { document: parsed } = parseHTML(buildReport(bare));
  expect(parsed.querySelector('.verdict strong')?.textContent).toContain('No verdict');
  expect(parsed.querySelectorAll('.empty')).toHaveLength(11);
});

test('a diverged run is drawn without its missing points', () => {
  const [first, ...rest] = data.training;
  const diverged = buildReport({ ...data, training: [{ ...first, points: first.points.map((p, i) => (i > 100 ? { ...p, loss: NaN } : p)) }, ...rest], metrics: data.metrics.map((m) => (m.seed === 0 && m.arm === 'bliss' ? { ...m, loss: NaN } : m)) });
  expect(diverged.match(/ d="[^"]*NaN/)).toBeNull();
  expect(parseHTML(diverged).document.querySelector('.verdict strong')?.textContent).toBe('No verdict: a loss on the test set is not a number');
});
