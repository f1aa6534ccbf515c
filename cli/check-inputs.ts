import type { RunConfig } from '../config/index.js';
import { resolveFiles } from '../lib/data/sources/files.js';

/** Every file that the configuration names is there, before a server is started for it. @throws BlissError DataInvalid */
export async function checkInputs({ config, configFolder: folder }: { readonly config: RunConfig; readonly configFolder: string }): Promise<void> {
  const { data, heldOut, tokenizer } = config;
  for (const [index, source] of data.sources.entries()) {
    if (source.type === 'files') await resolveFiles({ paths: source.paths, format: source.format, folder, field: `data.sources[${index}].paths` });
  }
  if (heldOut.source.type === 'files') await resolveFiles({ paths: heldOut.source.paths, format: heldOut.source.format, folder, field: 'heldOut.source.paths' });
  if (tokenizer.type === 'file') await resolveFiles({ paths: [tokenizer.path], format: 'text', folder, field: 'tokenizer.path' });
}
