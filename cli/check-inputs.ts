import { existsSync } from 'node:fs';
import path from 'node:path';
import type { RunConfig } from '../config/index.js';
import { BlissError } from '../lib/errors.js';
import type { Home } from '../lib/home.js';
import { checkSourceFiles, resolveFiles } from '../lib/data/sources/index.js';
import { readItems, taskByName } from '../lib/evaluation/index.js';

/** Every file and run that the configuration names is there, before a server is started for it. @throws BlissError DataInvalid, ConfigInvalid */
export async function checkInputs({ config, configFolder: folder, home }: { readonly config: RunConfig; readonly configFolder: string; readonly home: Home }): Promise<void> {
  const { from } = config.selection;
  const other = from?.split('/')[0];
  if (other !== undefined && !existsSync(path.join(home.run(other).root, 'stages.json'))) {
    throw new BlissError({ code: 'ConfigInvalid', where: 'selection.from', message: `there is no finished run '${other}' in ${home.runs}`, mend: 'name a finished run of this home and one of its rounds: RUN/round-N' });
  }
  const { data, heldOut, tokenizer, evaluation } = config;
  await checkSourceFiles({ data, heldOut, configFolder: folder });
  if (tokenizer.type === 'file') await resolveFiles({ paths: [tokenizer.path], format: 'text', folder, field: 'tokenizer.path' });
  for (const [i, { name, path: at, limit }] of (evaluation.tasks ?? []).entries()) {
    // whole: what is wrong with an item would show after the first round only
    await readItems({ task: taskByName(name), path: at, folder, field: `evaluation.tasks[${i}].path`, limit });
  }
}
