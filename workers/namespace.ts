import type { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { BlissError } from '../lib/errors.js';
import { refusalOf, serverFault, type AskedServer, type Refusal } from './server-fault.js';

/** What workflows/stage/search-attributes.ts sets: names and types as `temporal server start-dev --search-attribute` writes them. */
export const SEARCH_ATTRIBUTE_TYPES = {
  BlissRun: 'Keyword',
  BlissStage: 'Keyword',
  BlissArm: 'Keyword',
  BlissRound: 'Int',
  BlissLoss: 'Double',
} as const;
type AttributeName = keyof typeof SEARCH_ATTRIBUTE_TYPES;

const { IndexedValueType } = proto.temporal.api.enums.v1;
const INDEXED_VALUE_TYPE = { Keyword: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD, Int: IndexedValueType.INDEXED_VALUE_TYPE_INT, Double: IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE } as const;

interface Asked {
  readonly connection: Connection;
  readonly server: AskedServer;
}

/**
 * @param toWork for workers, whose library asks for it too; what a command needs may be allowed where this is not
 * @throws BlissError ConfigInvalid where the server has no such namespace; ServerRefused where it does not know us, or lets us not see it to work
 */
export async function requireNamespace({ connection, server, toWork = false }: Asked & { readonly toWork?: boolean }): Promise<void> {
  try {
    await connection.workflowService.describeNamespace({ namespace: server.namespace });
  } catch (error) {
    if (!toWork && refusalOf(error)?.status === 'PERMISSION_DENIED') return;
    throw serverFault({ error, server }) ?? error;
  }
}

/**
 * Registers what is missing; idempotent. Starting a workflow with an unregistered attribute fails, and upserting one makes its task
 * retry for ever, so this comes before either.
 * @throws BlissError ConfigInvalid if the server does not let us and they are not there
 */
export async function ensureSearchAttributes({ connection, server }: Asked): Promise<void> {
  const { namespace } = server;
  const searchAttributes = Object.fromEntries(Object.entries(SEARCH_ATTRIBUTE_TYPES).map(([name, type]) => [name, INDEXED_VALUE_TYPE[type]]));
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (cause) {
    const missing = await missingAttributes({ connection, server });
    if (missing.length > 0) throw attributesMissing({ namespace, missing, why: refusalOf(cause), cause });
  }
}

/** Those that are not there, or there with another type. @throws BlissError where the server does not say */
export async function missingAttributes({ connection, server }: Asked): Promise<readonly AttributeName[]> {
  const { namespace } = server;
  const names = Object.keys(SEARCH_ATTRIBUTE_TYPES) as AttributeName[];
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return names.filter((name) => customAttributes?.[name] !== INDEXED_VALUE_TYPE[SEARCH_ATTRIBUTE_TYPES[name]]);
  } catch {
    // Temporal Cloud has no operator service; a search for one says whether it is there
    const found = await Promise.all(names.map((name) => isSearchable({ connection, server, name })));
    return names.filter((_, i) => found[i] === false);
  }
}

async function isSearchable({ connection, server, name }: Asked & { readonly name: AttributeName }): Promise<boolean> {
  const value = SEARCH_ATTRIBUTE_TYPES[name] === 'Keyword' ? '"none"' : '0';
  try {
    await connection.workflowService.countWorkflowExecutions({ namespace: server.namespace, query: `${name} = ${value}` });
    return true;
  } catch (error) {
    if (refusalOf(error)?.status === 'INVALID_ARGUMENT') return false;
    throw serverFault({ error, server }) ?? error;
  }
}

/** Asked without adding any: with none to add, who may add them hears of that, and who may not of the other. */
export async function mayAddAttributes({ connection, server }: Asked): Promise<boolean> {
  try {
    await connection.operatorService.addSearchAttributes({ namespace: server.namespace, searchAttributes: {} });
    return true;
  } catch (error) {
    return refusalOf(error)?.status === 'INVALID_ARGUMENT';
  }
}

export function attributesMissing({ namespace, missing, why, cause }: { readonly namespace: string; readonly missing: readonly AttributeName[]; readonly why?: Refusal | undefined; readonly cause?: unknown }): BlissError {
  return new BlissError({
    code: 'ConfigInvalid',
    message: `the namespace ${namespace} lacks the search attributes ${missing.map((name) => `${name} (${SEARCH_ATTRIBUTE_TYPES[name]})`).join(', ')}, and this account may not register them${why === undefined ? '' : ` (${why.status}: ${why.details})`}`,
    fix: `have an operator run \`temporal operator search-attribute create --namespace ${namespace} ${missing.map((name) => `--name ${name} --type ${SEARCH_ATTRIBUTE_TYPES[name]}`).join(' ')}\`; on Temporal Cloud add them in its UI or by \`tcld namespace search-attributes add\``,
    cause,
  });
}

const RETENTION = '365 days'; // the development server's default of a day would forget a run overnight

export async function keepClosedWorkflows({ connection, namespace }: { readonly connection: Connection; readonly namespace: string }): Promise<void> {
  await connection.workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl: msToTs(RETENTION) } });
}
