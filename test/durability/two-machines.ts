import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { leaveOut } from '../needs/needs.js';

/** Two network namespaces joined by a cable, as two machines: what runs in one sees nothing of the other but by it. */
export interface TwoMachines {
  /** command line that runs a program on that machine, until it ends or this process does */
  on(machine: 'server' | 'worker', program: readonly string[]): readonly [string, ...string[]];
  /** the server's machine, as the worker's sees it */
  readonly serverAddress: string;
  /** from here on no packet passes; neither side is told */
  cut(): void;
  fix(): void;
  /** with all that is in them; what still runs there loses its network */
  remove(): void;
}

const IP = 'ip';
const SETPRIV = '/usr/bin/setpriv';
/** where `ip netns` names them */
const NAMES = '/run/netns';
const PREFIX = 'bliss-machine-';
const CABLE = 'cable';
const ADDRESSES = { server: '10.77.0.1', worker: '10.77.0.2' } as const;

const ip = (...args: readonly string[]): void => void execFileSync(IP, args, { stdio: 'pipe' });

/** The machines, or the test is left out where this one can make none. */
export function twoMachines(context: TestContext): TwoMachines {
  if (process.getuid?.() !== 0) leaveOut(context, { need: 'permission', why: 'network namespaces are root’s to make' });
  if (!existsSync(SETPRIV)) leaveOut(context, { need: 'util-linux', why: `no ${SETPRIV}, by which nothing is left running` });
  const names = { server: `${PREFIX}server-${process.pid}`, worker: `${PREFIX}worker-${process.pid}` };
  const remove = (): void => removeAll(Object.values(names));
  try {
    removeAll(leftBehind());
    ip('netns', 'add', names.server);
    ip('netns', 'add', names.worker);
    ip('-netns', names.server, 'link', 'add', CABLE, 'type', 'veth', 'peer', 'name', CABLE, 'netns', names.worker);
    for (const machine of ['server', 'worker'] as const) {
      ip('-netns', names[machine], 'address', 'add', `${ADDRESSES[machine]}/30`, 'dev', CABLE);
      for (const link of ['lo', CABLE]) ip('-netns', names[machine], 'link', 'set', link, 'up');
    }
  } catch (error) {
    remove();
    const isThere = !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
    leaveOut(context, { need: isThere ? 'permission' : 'iproute2', why: `no network namespaces can be made here: ${String(error).split('\n').join(' ')}` });
  }
  return {
    on: (machine, program) => [SETPRIV, '--pdeathsig', 'SIGKILL', '--', IP, 'netns', 'exec', names[machine], ...program],
    serverAddress: ADDRESSES.server,
    // the server's end: the worker's side keeps its address and its routes, and what it sends goes nowhere
    cut: () => ip('-netns', names.server, 'link', 'set', CABLE, 'down'),
    fix: () => ip('-netns', names.server, 'link', 'set', CABLE, 'up'),
    remove,
  };
}

function removeAll(names: readonly string[]): void {
  for (const name of names) {
    try {
      ip('netns', 'delete', name);
    } catch {
      // it was never made, or has gone
    }
  }
}

/** of test processes that were killed themselves */
function leftBehind(): string[] {
  const all = existsSync(NAMES) ? readdirSync(NAMES).filter((name) => name.startsWith(PREFIX)) : [];
  return all.filter((name) => !existsSync(`/proc/${name.split('-').at(-1) ?? ''}`));
}
