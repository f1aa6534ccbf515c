import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Pin } from '../../setup/pins.mjs';

const FILE = 'tiny_tool-1.0-py3-none-manylinux2014_x86_64.whl';

/** A real wheel of a few bytes, which the real pip fetches from a folder: no network. */
export function tinyWheel(folder: string): { pin: Pin; file: string; pipEnvironment: NodeJS.ProcessEnv } {
  const file = path.join(folder, FILE);
  const script = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    tool = zipfile.ZipInfo('tiny_tool-1.0.data/scripts/tool'); tool.external_attr = 0o777 << 16
    wheel.writestr(tool, '#!/bin/sh\\necho tool\\n')
    wheel.writestr('tiny_tool/unwanted.txt', 'x' * 1000)
    wheel.writestr('tiny_tool-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny-tool\\nVersion: 1.0\\n')
    wheel.writestr('tiny_tool-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: false\\nTag: py3-none-manylinux2014_x86_64\\n')
    wheel.writestr('tiny_tool-1.0.dist-info/RECORD', '')
`;
  execFileSync('python3', ['-c', script, file]);
  const member = 'tiny_tool-1.0.data/scripts/tool';
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  const pin: Pin = { name: 'tiny-tool', version: '1.0', file: FILE, sha256, bytes: statSync(file).size, unpackedBytes: 100, keep: [member], strip: path.dirname(member) + '/', essential: ['tool'], folder: 'tiny/1.0' };
  return { pin, file, pipEnvironment: { ...process.env, PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder } };
}
