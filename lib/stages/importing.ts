import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { digestTensorStream } from '../artifacts/index.js';
import { sha256OfFile } from '../data/index.js';
import { BlissError } from '../errors.js';
import { openHuggingFace, parameterCount, requireModel } from '../models/index.js';
import { writeTensors } from '../models/safetensors.js';
import { momentShapes } from '../programs/state-variables.js';
import type { Shapes } from '../tensor/index.js';
import { sizeOf } from '../tensor/shapes.js';
import { throwIfStopped } from './execution/index.js';
import type { ImportingInput, Stage } from './types.js';

/** as transformers names it */
const CONFIG_FILE = 'config.json';

/**
 * Weights of a Hugging Face folder as a training state: float32 whatever they are stored as, Adam's moments 0 and no update counted. It stands where a
 * warm-up would. One tensor is in memory at a time.  @see method §4
 */
export const importing: Stage<'importing'> = {
  name: 'importing',
  version: 1,
  // where the folder lies does not matter, what it holds does
  keyInput: ({ model, vocabularySize }: ImportingInput) => ({ model, vocabularySize }),
  keyParts: async (input) => {
    const folder = folderOf(input);
    const { files, close } = await openHuggingFace(folder);
    await close();
    const digests: Record<string, string> = {};
    for (const file of [CONFIG_FILE, ...files]) digests[file] = await sha256OfFile(path.join(folder, file));
    return { files: digests };
  },
  run: async (input, context) => {
    const folder = folderOf(input);
    const opened = await openHuggingFace(folder);
    try {
      requireModel({ found: opened, asked: input, where: path.join(folder, CONFIG_FILE), field: `models.${input.which}` });
      const { shapes } = opened;
      const moments = momentShapes(shapes);
      const all: Shapes = { ...shapes, ...moments };
      const of = 2 * Object.keys(all).length;
      let step = 0;
      const read = async (name: string): Promise<Float32Array> => {
        await context.progress({ step: ++step, of });
        throwIfStopped(context);
        return name in moments ? new Float32Array(sizeOf(moments[name])) : finite(await opened.read(name), { name, folder });
      };
      await writeTensors({ path: path.join(context.scratch, 'weights.safetensors'), tensors: described(shapes), read });
      await writeTensors({ path: path.join(context.scratch, 'optimizer.safetensors'), tensors: described(moments), read });
      await writeFile(path.join(context.scratch, 'state.json'), JSON.stringify({ updates: 0 }));
      const updates = Int32Array.of(0);
      const digest = await digestTensorStream({ names: [...Object.keys(all), 'updates'], shapes: { ...all, updates: [1] }, read: (name) => (name === 'updates' ? updates : read(name)) });
      return { kind: 'state', folder: context.scratch, digest, summary: { parameters: parameterCount(shapes), updates: 0 } };
    } finally {
      await opened.close();
    }
  },
};

const folderOf = ({ folder, configFolder }: ImportingInput): string => path.resolve(configFolder, folder);
const described = (shapes: Shapes) => Object.entries(shapes).map(([name, shape]) => ({ name, shape, type: 'F32' }) as const);

/** A training that starts from such a value ends at its first step, far from the cause. */
function finite(values: Float32Array, { name, folder }: { readonly name: string; readonly folder: string }): Float32Array {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return values;
  throw new BlissError({ code: 'DataInvalid', where: folder, message: `${name} holds ${values[at]} at element ${at}`, fix: 'give a checkpoint of before its training diverged, or save it again from sound weights' });
}
