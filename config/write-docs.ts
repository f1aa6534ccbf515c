/** Writes what is generated from the schemas: `node dist/config/write-docs.js`. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../lib/package-root.js';
import { configurationDocs } from './docs.js';
import { jsonSchemaText } from './json-schema.js';

writeFileSync(path.join(packageRoot(), 'docs', 'configuration.md'), configurationDocs());
writeFileSync(path.join(packageRoot(), 'config', 'run.schema.json'), jsonSchemaText());
