import path from 'node:path';
import { cacheFolder } from '../../lib/home.js';
import { tensorFlowEnvironment } from '../../lib/tensor/environment.js';

/** Environment of a trainer child: TensorFlow reads its settings when it is loaded, so they are set before. */
export function trainerEnvironment({ role }: { readonly role: 'cpu' | 'gpu' }): NodeJS.ProcessEnv {
  if (role === 'cpu') return process.env;
  return { ...process.env, ...tensorFlowEnvironment({ xlaCache: path.join(cacheFolder(), 'xla') }) };
}
