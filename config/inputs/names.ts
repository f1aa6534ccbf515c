import { z } from 'zod';
import { identifier, naturalNumber, text } from '../sections/common.js';

/*
 * What inputs of workflows and activities name: parts of paths and keys, so that none leads out of a home.
 */

/** Of a run: a folder, a workflow id and a word on a command line. */
export const runName = identifier;

const SEGMENT = '[A-Za-z0-9_][A-Za-z0-9_.=+@-]{0,199}';
/** `seed-0/bliss/round-1/scoring/shards-0-4` */
export const stagePath = text(new RegExp(`^${SEGMENT}(/${SEGMENT})*$`), 'a path of names of letters, digits and _ . = + @ -, without ..').max(400);

const sha256 = text(/^[0-9a-f]{64}$/, 'a sha256 in hex');
/** A reference to an artifact of the store. */
export const refSchema = z.object({ uri: text(/^store:artifacts\/[0-9a-f]{64}\/manifest\.json$/, 'store:artifacts/ID/manifest.json'), sha256, size: naturalNumber, digest: sha256 });

/** A folder or a file of the worker's machine. */
export const place = text(/^[^\0]+$/, 'a path').max(4_096);

/** '' takes finished stages of any run. */
export const scope = text(/^[\x20-\x7e]*$/, 'text in ASCII').max(200);
