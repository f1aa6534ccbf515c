import { lstatSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';

/**
 * Puts TensorFlow where the npm package's binding looks for it: links under its `deps/`. Links that lead elsewhere, laid by
 * hand or by another set-up, are replaced, each in one step.
 * @param {{ deps: string, tensorflow: import('./tensorflow.mjs').Tensorflow }} input
 */
export function layOut({ deps, tensorflow }) {
  const { dir, cuda } = tensorflow;
  const lib = { 'libtensorflow.so': 'libtensorflow_cc.so.2', 'libtensorflow_cc.so.2': 'libtensorflow_cc.so.2', 'libtensorflow_framework.so': 'libtensorflow_framework.so.2', 'libtensorflow_framework.so.2': 'libtensorflow_framework.so.2' };
  mkdirSync(deps, { recursive: true });
  link(path.join(deps, 'include'), path.join(dir, 'include'));
  linkFolder(path.join(deps, 'lib'), Object.fromEntries(Object.entries(lib).map(([name, file]) => [name, path.join(dir, file)])));
  // XLA looks for ptxas and libdevice in `../nvidia/cuda_nvcc` of the folder that the library was loaded from.
  linkFolder(path.join(deps, 'nvidia'), cuda);
}

/** A folder of exactly these links. @param {string} folder @param {Readonly<Record<string, string>>} links */
function linkFolder(folder, links) {
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) rmSync(folder, { force: true });
  mkdirSync(folder, { recursive: true });
  for (const other of readdirSync(folder)) if (!(other in links)) rmSync(path.join(folder, other), { recursive: true, force: true });
  for (const [name, target] of Object.entries(links)) link(path.join(folder, name), target);
}

/** @param {string} file @param {string} target */
function link(file, target) {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found?.isSymbolicLink() === true && readlinkSync(file) === target) return;
  if (found?.isDirectory() === true) rmSync(file, { recursive: true }); // a folder cannot be renamed over
  const beside = `${file}.${process.pid}`;
  symlinkSync(target, beside);
  renameSync(beside, file);
}
