import { BlissError } from '../errors.js';
import { readBlob } from './publish.js';
import type { Blobs, FencingToken } from './types.js';

/** Epoch and attempt as they stand in keys, so that the order of names is the order of tokens. */
const WIDTH = 6;
const padded = (n: number): string => String(n).padStart(WIDTH, '0');

export const tokenName = ({ epoch, attempt }: FencingToken): string => `${padded(epoch)}-${padded(attempt)}`;

export function parseToken(name: string): FencingToken | undefined {
  const match = /^(\d{6,})-(\d{6,})$/.exec(name);
  return match === null ? undefined : { epoch: Number(match[1]), attempt: Number(match[2]) };
}

/** Positive where `a` is the later. */
export const compareTokens = (a: FencingToken, b: FencingToken): number => a.epoch - b.epoch || a.attempt - b.attempt;

/**
 * The next epoch of a stage, claimed by put-if-absent. A claimant that asks again, or twice at once, gets the epoch it has:
 * epochs are claimed one after the other by who has seen all before, so no claimant can hold two.
 */
export async function claimEpoch({ blobs, folder, claimant }: { readonly blobs: Blobs; readonly folder: string; readonly claimant: string }): Promise<number> {
  for (;;) {
    const claims = await blobs.list(`${folder}epoch-`);
    for (const { key } of claims) {
      if ((await readBlob(blobs, key)).toString('utf8') === claimant) return Number(key.slice(`${folder}epoch-`.length));
    }
    const next = claims.length + 1;
    if (await blobs.putIfAbsent(`${folder}epoch-${padded(next)}`, Buffer.from(claimant, 'utf8'))) return next;
  }
}

/** Tokens that have begun, latest first. */
export async function begunTokens(blobs: Blobs, folder: string): Promise<readonly FencingToken[]> {
  const names = (await blobs.list(`${folder}begun-`)).map(({ key }) => parseToken(key.slice(`${folder}begun-`.length)));
  return names.filter((token) => token !== undefined).sort((a, b) => compareTokens(b, a));
}

export function fenced(mine: FencingToken, later: FencingToken, where: string): BlissError {
  return new BlissError({
    code: 'Fenced',
    message: `epoch ${mine.epoch} attempt ${mine.attempt} was overtaken by epoch ${later.epoch} attempt ${later.attempt}, which goes on with this stage`,
    where,
    fix: 'nothing is to be done: this attempt ends, what it saved from here on is not used',
  });
}
