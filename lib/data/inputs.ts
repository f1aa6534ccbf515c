import path from 'node:path';
import type { RunConfig } from '../../config/schema.js';
import { BlissError } from '../errors.js';
import { openHeldOut, openSources, sha256OfFile, type SourceInput } from './sources/index.js';

export interface InputDigests {
  readonly sources: Readonly<Record<string, readonly SourceInput[]>>;
  readonly heldOut: readonly SourceInput[];
  /** sha256 of the user's tokenizer.json */
  readonly tokenizer: string | undefined;
}

export interface InputDigestsParams {
  readonly data: Pick<RunConfig['data'], 'sources'>;
  readonly tokenizer: RunConfig['tokenizer'];
  readonly heldOut: RunConfig['heldOut'];
  readonly configFolder: string;
}

/** What the corpus is made from, by content: decides the prepare stage's key beside its configuration. Reads every file once. */
export async function inputDigests({ data, tokenizer, heldOut, configFolder }: InputDigestsParams): Promise<InputDigests> {
  const sources: Record<string, readonly SourceInput[]> = {};
  for (const source of openSources(data, configFolder)) sources[source.name] = await source.inputs();
  return { sources, heldOut: await openHeldOut(heldOut, configFolder).inputs(), tokenizer: tokenizer.type === 'file' ? await digestOf(path.resolve(configFolder, tokenizer.path)) : undefined };
}

async function digestOf(file: string): Promise<string> {
  return sha256OfFile(file).catch((error: unknown) => {
    throw new BlissError({ code: 'DataInvalid', where: file, message: 'the tokenizer cannot be read', fix: 'check tokenizer.path', cause: error });
  });
}
