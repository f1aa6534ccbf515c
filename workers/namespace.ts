import type { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { BlissError } from '../lib/errors.js';

/** What workflows/search-attributes.ts sets: names and types as `temporal server start-dev --search-attribute` writes them. */
export const SEARCH_ATTRIBUTE_TYPES = {
  BlissRun: 'Keyword',
  BlissStage: 'Keyword',
  BlissArm: 'Keyword',
  BlissRound: 'Int',
  BlissLoss: 'Double',
} as const;
type AttributeName = keyof typeof SEARCH_ATTRIBUTE_TYPES;

/** temporal.api.enums.v1.IndexedValueType */
const INDEXED_VALUE_TYPE = { Keyword: 2, Int: 3, Double: 4 } as const;

/**
 * Registers what is missing; idempotent. Starting a workflow with an unregistered attribute fails, and upserting one makes its task
 * retry for ever, so this comes before either.
 * @throws BlissError ConfigInvalid if the server does not let us and they are not there
 */
export async function ensureSearchAttributes({ connection, namespace }: { readonly connection: Connection; readonly namespace: string }): Promise<void> {
  const searchAttributes = Object.fromEntries(Object.entries(SEARCH_ATTRIBUTE_TYPES).map(([name, type]) => [name, INDEXED_VALUE_TYPE[type]]));
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (cause) {
    const missing = await missingAttributes(connection, namespace);
    if (missing.length === 0) return;
    throw new BlissError({
      code: 'ConfigInvalid',
      message: `the namespace ${namespace} lacks the search attributes ${missing.join(', ')}, and this account may not register them`,
      mend: `have an operator run \`temporal operator search-attribute create --namespace ${namespace} ${missing.map((name) => `--name ${name} --type ${SEARCH_ATTRIBUTE_TYPES[name]}`).join(' ')}\``,
      cause,
    });
  }
}

async function missingAttributes(connection: Connection, namespace: string): Promise<AttributeName[]> {
  const names = Object.keys(SEARCH_ATTRIBUTE_TYPES) as AttributeName[];
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return names.filter((name) => !(name in (customAttributes ?? {})));
  } catch {
    return []; // may not be listed either, as on Temporal Cloud: the start of the run will tell
  }
}

const RETENTION = '365 days'; // the development server's default of a day would forget a run overnight

export async function keepClosedWorkflows({ connection, namespace }: { readonly connection: Connection; readonly namespace: string }): Promise<void> {
  await connection.workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl: msToTs(RETENTION) } });
}
