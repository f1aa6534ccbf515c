import type { RunConfig } from '../config/index.js';
import { BlissError } from '../lib/errors.js';
import { resolveFiles } from '../lib/data/sources/files.js';

/** What validates but cannot run yet is refused before anything is started for it. @throws BlissError ConfigInvalid */
export function checkSupported({ models, runtime }: RunConfig): void {
  for (const which of ['proxy', 'target'] as const) {
    if (models[which].architecture === 'llama') {
      throw new BlissError({ code: 'ConfigInvalid', where: `models.${which}.architecture`, message: 'llama cannot be trained yet', mend: 'write gpt-neox with its layers, width and heads' });
    }
  }
  if (runtime.precision !== 'float32') {
    throw new BlissError({ code: 'ConfigInvalid', where: 'runtime.precision', message: `${runtime.precision} is not implemented yet`, mend: 'write float32, or add --set runtime.precision=float32' });
  }
}

/** Every file that the configuration names is there, before a server is started for it. @throws BlissError DataInvalid */
export async function checkInputs({ config, configFolder: folder }: { readonly config: RunConfig; readonly configFolder: string }): Promise<void> {
  checkSupported(config);
  const { data, heldOut, tokenizer } = config;
  for (const [index, source] of data.sources.entries()) {
    if (source.type === 'files') await resolveFiles({ paths: source.paths, format: source.format, folder, field: `data.sources[${index}].paths` });
  }
  if (heldOut.source.type === 'files') await resolveFiles({ paths: heldOut.source.paths, format: heldOut.source.format, folder, field: 'heldOut.source.paths' });
  if (tokenizer.type === 'file') await resolveFiles({ paths: [tokenizer.path], format: 'text', folder, field: 'tokenizer.path' });
}
