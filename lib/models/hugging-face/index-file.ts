import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { BlissError } from '../../errors.js';
import { isLfsPointer, lfsPointer } from '../../git-lfs.js';

export const WEIGHTS_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';
export const CONFIG_FILE = 'config.json';

const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/** In which file each tensor lies. @throws BlissError DataInvalid where it cannot be read or names files of other folders */
export async function readIndexFile(folder: string): Promise<Readonly<Record<string, string>>> {
  const where = path.join(folder, INDEX_FILE);
  const { weight_map: files } = parsed(indexSchema, await readJsonFile(where), where);
  for (const [tensor, file] of Object.entries(files)) {
    if (path.basename(file) !== file || file === '' || file === '..' || file === '.') throw new BlissError({ code: 'DataInvalid', where, message: `${tensor} is said to lie in ${JSON.stringify(file)}`, fix: 'shards lie beside their index: copy or download the folder again' });
  }
  return files;
}

/** @throws BlissError DataInvalid */
export async function readJsonFile(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new BlissError({ code: 'DataInvalid', where: file, message: 'the file cannot be read', fix: 'name a folder as transformers saves a model: config.json and model.safetensors', cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (isLfsPointer(Buffer.from(text))) throw lfsPointer(file);
    throw new BlissError({ code: 'DataInvalid', where: file, message: 'not JSON', fix: 'copy or download it again', cause });
  }
}

function parsed<T>(schema: z.ZodType<T>, json: unknown, where: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new BlissError({ code: 'DataInvalid', where, message: `not an index of shards: ${z.prettifyError(result.error)}`, fix: 'copy or download it again' });
}

/** `model-00002-of-00005.safetensors`, as transformers names them. @param index from 0 */
export const shardName = (index: number, count: number): string => `model-${padded(index + 1)}-of-${padded(count)}.safetensors`;
const padded = (n: number): string => String(n).padStart(5, '0');
