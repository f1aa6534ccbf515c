import { codeOf } from '../lib/code-of.js';
import { BlissError } from '../lib/errors.js';
import type { Home } from '../lib/home.js';
import { processesWithOpen } from './lock-holders.js';
import { hereIs, type Holder, type StackInfo, type Unreachable } from './stack-info.js';

/** Whoever has the home, and what ends that. @param stack undefined: it ended while we asked */
export function homeInUse(home: Home, stack: StackInfo | Unreachable | undefined): BlissError {
  const { who, end } = stack === undefined || 'unreachable' in stack ? whoIsUnreachable(home, stack) : whoIsUp(home, stack);
  return new BlissError({ code: 'HomeInUse', message: `this home is in use by ${who}`, where: home.root, fix: `${end}, or take another --home` });
}

const whoIsUp = (home: Home, { pid, address }: StackInfo): { who: string; end: string } => ({
  who: `the stack of process ${pid}${address === undefined ? ', which is starting' : ` at ${address}`}`,
  end: `use that stack (bliss run and bliss status find it), ${ending({ home, pid })}`,
});

/** The processes as they are numbered here; where none is seen, in a container's own numbers. */
function ending({ home, pid, signal = '' }: { readonly home: Home; readonly pid: number; readonly signal?: string }): string {
  const pids = processesWithOpen(home.lockFile);
  return `end it with \`kill ${signal}${(pids.length > 0 ? pids : [pid]).join(' ')}\`${pids.length > 0 ? '' : ' where it runs'}`;
}

function whoIsUnreachable(home: Home, stack: Unreachable | undefined): { who: string; end: string } {
  const holder = stack?.holder;
  if (stack === undefined || holder === undefined) {
    const pids = processesWithOpen(home.lockFile);
    return { who: stack?.unreachable === 'silent' ? 'another stack, which does not answer' : 'another process, which has its lock (workers of a configured server share it)', end: pids.length > 0 ? `end it with \`kill ${pids.join(' ')}\`` : 'end that process (`lslocks` names it where it runs)' };
  }
  const { pid, host } = holder;
  switch (stack.unreachable) {
    case 'elsewhere':
      return { who: `the stack of process ${pid} on host ${host}, ${placeOf(holder)}`, end: `use it from there, ${ending({ home, pid })}` };
    case 'silent':
      return { who: `the stack of process ${pid}, which does not answer`, end: ending({ home, pid, signal: '-9 ' }) };
    case 'unknown':
      return { who: `what is left of the stack of process ${pid} on host ${host}`, end: ending({ home, pid, signal: '-9 ' }) };
  }
}

const placeOf = ({ boot }: Holder): string => (boot === hereIs().boot ? 'in another container or network namespace of this machine' : 'on another machine');

export const noLocks = (home: Home, reason: string): BlissError =>
  new BlissError({
    code: 'Usage',
    message: `the home's file system takes no locks (${reason}), so that a second Temporal server could open its database`,
    where: home.lockFile,
    fix: 'take a --home on a local disk, mount that file system with locks (NFS: its lock service; Lustre: -o flock), or use a server of your own by TEMPORAL_ADDRESS',
  });

export const lockUnusable = (home: Home, error: unknown): BlissError =>
  new BlissError({
    code: 'Usage',
    message: `the home's lock cannot be opened (${codeOf(error) ?? String(error)})`,
    where: home.lockFile,
    fix: 'be the user whose home it is, or give a folder of yours by --home or BLISS_HOME',
    cause: error,
  });
