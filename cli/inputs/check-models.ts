import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { RunConfig } from '../../config/index.js';
import type { WhichModel } from '../../config/sections/models.js';
import { differentId, loadTokenizer } from '../../lib/data/tokenizer/index.js';
import { BlissError } from '../../lib/errors.js';
import { apart } from '../apart/apart.js';

/** Weights that a model starts from are there, are the configured model's, and have its tokens. @throws BlissError ConfigInvalid, DataInvalid, DataCorrupt */
export async function checkModels({ config, configFolder }: { readonly config: RunConfig; readonly configFolder: string }): Promise<void> {
  const { models } = config;
  for (const which of ['proxy', 'target'] as const) {
    const { from } = models[which];
    if (from === undefined) continue;
    const field = `models.${which}`;
    const folder = path.resolve(configFolder, from);
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw new BlissError({ code: 'DataInvalid', where: `${field}.from`, message: `there is no folder ${folder}`, fix: 'name a folder as transformers saves a model; a relative path starts from the folder of the configuration file' });
    }
    await apart('model', { folder, asked: { model: models[which], vocabularySize: models.vocabularySize }, where: path.join(folder, 'config.json'), field });
    await checkTokens({ which, from, folder, tokenizer: config.tokenizer, configFolder });
  }
}

interface CheckTokens {
  readonly which: WhichModel;
  readonly from: string;
  readonly folder: string;
  readonly tokenizer: RunConfig['tokenizer'];
  readonly configFolder: string;
}

/** A weight's row is of one token: another tokenizer's id of that number would be another word's. A folder without a tokenizer is taken on trust. */
async function checkTokens({ which, from, folder, tokenizer, configFolder }: CheckTokens): Promise<void> {
  const theirs = path.join(folder, 'tokenizer.json');
  if (!existsSync(theirs)) return;
  const fix = `write tokenizer: {type: file, path: ${path.join(from, 'tokenizer.json')}}, or take that file out of the folder where its ids are known to be the run's`;
  if (tokenizer.type === 'train') {
    throw new BlissError({ code: 'ConfigInvalid', where: 'tokenizer.type', message: `"train", and models.${which}.from has the tokenizer that its weights were trained with, ${theirs}`, fix });
  }
  const ours = path.resolve(configFolder, tokenizer.path);
  if ((await readFile(ours)).equals(await readFile(theirs))) return;
  const different = differentId(await loadTokenizer(ours), await loadTokenizer(theirs));
  if (different === undefined) return;
  const { token, ids } = different;
  const [own, other] = ids.map((id) => (id === undefined ? 'none' : String(id)));
  throw new BlissError({ code: 'ConfigInvalid', where: 'tokenizer.path', message: `another tokenizer than that of models.${which}.from: the id of ${JSON.stringify(token)} is ${own} in ${ours} and ${other} in ${theirs}`, fix });
}
