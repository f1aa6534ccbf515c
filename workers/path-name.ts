import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import type { Home } from '../lib/home.js';
import { listenerOf } from './lock-holders.js';
import { folderOf, type StackInfo } from './stack-info.js';
import { callStack, type StackAnswer } from './stack-socket.js';

/**
 * The name that tells a home's path in this network namespace, real, so that links to one folder are one home. Stacks of versions before the
 * lock file have no other lock, so it is asked, and held so that they find us; workers of a configured server, of which a machine has one, too.
 */
export const pathName = (home: Home): string => `\0bliss-${createHash('sha256').update(realpathSync(home.root)).digest('hex').slice(0, 40)}`;

/** Who answers under the path's name. Anybody on the machine can listen there: `stranger` is one that need not be minded. */
export async function askByPath(home: Home): Promise<StackAnswer | 'silent' | 'stranger' | undefined> {
  let name: string;
  try {
    name = pathName(home);
  } catch {
    return undefined; // there is no such folder yet
  }
  const answer = await callStack(name);
  if (answer === undefined) return listenerOf(name) === undefined ? undefined : 'stranger';
  if (isOfOurs({ home, name, info: answer === 'silent' ? undefined : answer.info })) return answer;
  if (answer !== 'silent') answer.socket.destroy();
  return 'stranger';
}

/** A process of this user, of the home's owner or of root; where it is not seen, as in another container, one that says what stack.json says. */
function isOfOurs({ home, name, info }: { readonly home: Home; readonly name: string; readonly info: StackInfo | undefined }): boolean {
  if (info?.folder !== undefined && info.folder !== folderOf(home)) return false; // of another home that has this path in its own mounts
  const listener = listenerOf(name);
  if (listener !== undefined) return [0, process.getuid?.(), statSync(home.root).uid].includes(listener.uid);
  const known = stackFile(home);
  return known !== undefined && info?.pid === known.pid && info.started === known.started;
}

function stackFile(home: Home): StackInfo | undefined {
  try {
    return JSON.parse(readFileSync(home.stackFile, 'utf8')) as StackInfo; // our own words
  } catch {
    return undefined;
  }
}
