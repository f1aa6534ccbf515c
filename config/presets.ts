import { readdirSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../lib/package-root.js';

/** The order of the documentation; others follow by name. */
const FIRST = ['demo', 'smoke', 'mid', 'paper-410m', 'paper-1b', 'paper-2.8b', 'llama-0.5b'];
const folder = (): string => path.join(packageRoot(), 'config', 'presets');

export function presetNames(): string[] {
  const names = readdirSync(folder())
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .toSorted();
  return [...FIRST.filter((name) => names.includes(name)), ...names.filter((name) => !FIRST.includes(name))];
}

export const presetFile = (name: string): string => path.join(folder(), `${name}.yaml`);
