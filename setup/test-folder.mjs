import { SetupError } from './setup-error.mjs';

/**
 * The tests' runner takes paths for URLs, in which these mean something else; the pipeline itself runs in any folder.
 * @param {string} root
 */
export function checkTestFolder(root) {
  const [found] = /[#?%]/.exec(root) ?? [];
  if (found !== undefined) throw new SetupError({ message: `the tests cannot run in a folder whose path has a ${found} in it: ${root} (vitest takes paths for URLs)`, fix: 'clone into another folder to run them; "npm start" and "npx bliss" run in this one' });
}
