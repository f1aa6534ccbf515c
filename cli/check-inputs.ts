import type { RunConfig } from '../config/index.js';
import type { Home } from '../lib/home.js';
import { resolveFiles } from '../lib/data/sources/files.js';
import { readItems, taskByName } from '../lib/evaluation/index.js';
import { checkModels } from './check-models.js';
import { checkSelection } from './check-selection.js';

/** Every file and run that the configuration names is there, before a server is started for it. @throws BlissError DataInvalid, ConfigInvalid */
export async function checkInputs({ config, configFolder: folder, home }: { readonly config: RunConfig; readonly configFolder: string; readonly home: Home }): Promise<void> {
  await checkSelection({ config, configFolder: folder, home });
  const { data, heldOut, tokenizer, evaluation } = config;
  for (const [index, source] of data.sources.entries()) {
    if (source.type === 'files') await resolveFiles({ paths: source.paths, format: source.format, folder, field: `data.sources[${index}].paths` });
  }
  if (heldOut.source.type === 'files') await resolveFiles({ paths: heldOut.source.paths, format: heldOut.source.format, folder, field: 'heldOut.source.paths' });
  if (tokenizer.type === 'file') await resolveFiles({ paths: [tokenizer.path], format: 'text', folder, field: 'tokenizer.path' });
  await checkModels({ config, configFolder: folder });
  for (const [i, { name, path: at, limit }] of (evaluation.tasks ?? []).entries()) {
    // whole: what is wrong with an item would show after the first round only
    await readItems({ task: taskByName(name), path: at, folder, field: `evaluation.tasks[${i}].path`, limit });
  }
}
