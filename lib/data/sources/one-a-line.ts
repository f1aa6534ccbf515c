import path from 'node:path';

const SHELL_WORD = /^[\w./~@%+=:,-]+$/;
const word = (text: string): string => (SHELL_WORD.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** how a JSON text of many lines begins: an object or a list that is laid out for reading, or a list with an object a line */
const BEGINS = /^\s*(?:\{|\[\s*\{?|\[.*,)\s*$/s;
export const spansLines = (line: string): boolean => BEGINS.test(line);

/** How a file of one JSON list, or of objects that are laid out over lines, becomes JSON lines. @param line its first */
export function oneALine(file: string, line: string): string {
  const packed = /\.(gz|zst)$/i.exec(file)?.[1]?.toLowerCase();
  const name = path.basename(file).replace(/\.(gz|zst)$/i, '').replace(/\.(json|jsonl|ndjson)$/i, '');
  const filter = line.trimStart().startsWith('[') ? `-c '.[]'` : '-c .';
  const read = packed === undefined ? `jq ${filter} ${word(file)}` : `${packed === 'gz' ? 'gzip' : 'zstd'} -dc ${word(file)} | jq ${filter}`;
  return `write one JSON object a line: ${read} > ${word(`${name}-lines.jsonl`)}`;
}
