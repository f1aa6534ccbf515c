import type { RunConfig } from '../../config/index.js';
import type { Home } from '../../lib/home.js';
import { checkSourceFiles, requireReadable, resolveFiles } from '../../lib/data/sources/index.js';
import { readItems, taskByName } from '../../lib/evaluation/index.js';
import { checkModels } from './check-models.js';
import { checkSelection } from './check-selection.js';

/** Every file and run that the configuration names is there, before a server is started for it. @throws BlissError DataInvalid, ConfigInvalid */
export async function checkInputs({ config, configFolder: folder, home }: { readonly config: RunConfig; readonly configFolder: string; readonly home: Home }): Promise<void> {
  await checkSelection({ config, configFolder: folder, home });
  const { data, heldOut, tokenizer, evaluation } = config;
  await checkSourceFiles({ data, heldOut, configFolder: folder });
  if (tokenizer.type === 'file') requireReadable(await resolveFiles({ paths: [tokenizer.path], format: 'text', folder, field: 'tokenizer.path' }));
  await checkModels({ config, configFolder: folder });
  for (const [i, { name, path: at, limit }] of (evaluation.tasks ?? []).entries()) {
    // whole: what is wrong with an item would show after the first round only
    await readItems({ task: taskByName(name), path: at, folder, field: `evaluation.tasks[${i}].path`, limit });
  }
}
