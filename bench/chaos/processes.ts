import { readdirSync, readFileSync } from 'node:fs';

/** What of a local stack can be hit. */
export type Target = 'GPU worker' | 'CPU worker' | 'trainer' | 'server';

const entry: Readonly<Record<Exclude<Target, 'trainer'>, (command: string) => boolean>> = {
  'GPU worker': (command) => command.includes('workers/worker.js') && command.includes('--role gpu'),
  'CPU worker': (command) => command.includes('workers/worker.js') && command.includes('--role cpu'),
  server: (command) => command.includes('start-dev'),
};

/** The process of a home's stack, from Linux' /proc. @returns undefined where none is up now */
export function findProcess(target: Target, home: string): number | undefined {
  if (target !== 'trainer') return all().find(({ command }) => entry[target](command) && command.includes(home))?.pid;
  const workers = new Set(['GPU worker', 'CPU worker'].flatMap((worker) => findProcess(worker as Target, home) ?? []));
  return all().find(({ command, parent }) => command.includes('trainer/child.js') && workers.has(parent))?.pid;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

function all(): Process[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const parent = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]);
      return command === '' ? [] : [{ pid: Number(name), parent, command }]; // a zombie has none
    } catch {
      return []; // it has ended meanwhile
    }
  });
}
