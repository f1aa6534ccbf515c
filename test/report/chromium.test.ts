import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { buildReport } from '../../lib/report/index.js';
import { programOnPath } from '../needs/machine.js';
import { exampleReport } from './example.js';

const headings = (page: string): string[] => [...page.matchAll(/<section aria-labelledby="([^"]+)"/g)].map((match) => match[1]);

test('a browser shows all of it, and runs no script of a sample', async (context) => {
  const chromium = programOnPath({ context, names: ['chromium', 'chromium-browser', 'google-chrome'], need: 'chromium' });
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bliss-chromium-'));
  try {
    const browse = (...more: string[]): string =>
      execFileSync(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', `--user-data-dir=${path.join(folder, 'profile')}`, '--window-size=1280,1000', ...more], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 50_000 });
    const report = path.join(folder, 'report.html');
    const blank = path.join(folder, 'blank.html');
    const html = buildReport(exampleReport({ seeds: [0, 1, 2], text: `<script>document.title = 'hacked'</script><img src=x onerror="document.title='hacked'">` }));
    await writeFile(report, html);
    await writeFile(blank, '<!doctype html><title>blank</title>');
    const dom = browse('--dump-dom', `file://${report}`);
    expect(/<title>(.*?)<\/title>/.exec(dom)?.[1]).toBe('demo: bliss beats random on the test set');
    // what an unclosed tag swallowed, the parsed page would lack
    expect(headings(dom)).toEqual(headings(html));
    expect(headings(dom).length).toBeGreaterThan(5);
    expect(dom.match(/<figure>/g)?.length).toBeGreaterThan(11);
    expect(dom.match(/<script/g)).toHaveLength(1);
    const pictures = await Promise.all([report, blank].map(async (file) => {
      browse(`--screenshot=${file}.png`, `file://${file}`);
      return (await stat(`${file}.png`)).size;
    }));
    expect(pictures[0]).toBeGreaterThan(5 * pictures[1]);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});
