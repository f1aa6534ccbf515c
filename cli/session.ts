import { Client, type Connection } from '@temporalio/client';
import { BlissError } from '../lib/errors.js';
import type { Home } from '../lib/home.js';
import { configuredServer, connect, localServer } from '../workers/connection.js';
import type { ServerAddress } from '../workers/server-address.js';
import { askStack, homeInUse, isUp, type StackInfo } from '../workers/home-lock.js';
import { startLocalStack, type LocalStack } from '../workers/local-stack.js';
import type { Preemption } from '../workers/preemption.js';
import { ensureSearchAttributes, requireNamespace } from '../workers/namespace.js';
import type { ProcessEvent } from '../workers/supervisor.js';
import type { Output } from './output.js';

/** A server that answers, and how it came to be there. */
export interface Session {
  readonly server: ServerAddress;
  readonly connection: Connection;
  readonly client: Client;
  readonly uiAddress: string | undefined;
  /** our own stack for the time of this command; absent: somebody else keeps the server up */
  readonly stack: LocalStack | undefined;
}

/** A stack that starts takes a few seconds, one that stops as long as its stages need to save; more on a machine that is busy. */
const CHANGING_TIMEOUT_MS = 90_000;

/** The server for a run: the configured one, else the stack that is up on this home, else one of our own. */
export async function openSession({ home, output, preemption }: { readonly home: Home; readonly output: Output; /** for a stack of our own */ readonly preemption: Preemption }): Promise<Session> {
  const found = await findServer(home);
  if (found !== undefined) return join(found);
  output.note(`starting the local stack in ${home.root}`);
  let stack: LocalStack;
  try {
    stack = await startLocalStack({ home, temporary: true, preemption, onEvent: eventNotes(output) });
  } catch (error) {
    // another command was a moment quicker
    const theirs = error instanceof BlissError && error.code === 'HomeInUse' ? await findServer(home) : undefined;
    if (theirs === undefined) throw error;
    return join(theirs);
  }
  try {
    return { ...(await join({ server: stack.server, uiAddress: stack.uiAddress })), stack };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

interface PeekSession {
  readonly home: Home;
  readonly timeoutMs?: number;
  /** a configured server that does not answer is an error, with its reason. @default false */
  readonly mustAnswer?: boolean;
}

/** The server for looking only: nothing is started. Undefined where none answers. @throws BlissError HomeInUse if a stack has the home and cannot be asked; with `mustAnswer` ServerUnreachable, ServerRefused */
export async function peekSession({ home, timeoutMs = 2_000, mustAnswer = false }: PeekSession): Promise<Session | undefined> {
  const stack = await askStack(home);
  const configured = configuredServer();
  if (configured === undefined && stack !== undefined && !isUp(stack)) throw homeInUse(home, stack);
  const up = isUp(stack) ? stack : undefined;
  const server = configured ?? (up?.address === undefined ? undefined : localServer({ address: up.address, namespace: up.namespace }));
  if (server === undefined) return undefined;
  try {
    const connection = await connect(server, timeoutMs);
    return session({ server, connection, uiAddress: up?.uiAddress });
  } catch (error) {
    if (mustAnswer && server.kind === 'configured') throw error;
    return undefined;
  }
}

interface Found {
  readonly server: ServerAddress;
  readonly uiAddress: string | undefined;
}

/** @throws BlissError HomeInUse if a stack has the home and cannot be asked */
async function findServer(home: Home): Promise<Found | undefined> {
  const configured = configuredServer();
  if (configured !== undefined) return { server: configured, uiAddress: undefined };
  const stack = await waitForStack(home);
  if (stack?.address === undefined) return undefined;
  return { server: localServer({ address: stack.address, namespace: stack.namespace }), uiAddress: stack.uiAddress };
}

/** A stack that is starting counts as one that is up, a little later; one that is stopping as none. */
async function waitForStack(home: Home): Promise<StackInfo | undefined> {
  const deadline = Date.now() + CHANGING_TIMEOUT_MS;
  for (;;) {
    const stack = await askStack(home);
    if (stack === undefined) return undefined;
    if (isUp(stack) && stack.address !== undefined && stack.stopping !== true) return stack;
    if (!isUp(stack) || Date.now() > deadline) throw homeInUse(home, stack);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function join({ server, uiAddress }: Found): Promise<Session> {
  const connection = await connect(server);
  try {
    await requireNamespace({ connection, server });
    await ensureSearchAttributes({ connection, server });
  } catch (error) {
    await connection.close();
    throw error;
  }
  return session({ server, connection, uiAddress });
}

const session = ({ server, connection, uiAddress }: Found & { readonly connection: Connection }): Session => ({
  server,
  connection,
  uiAddress,
  client: new Client({ connection, namespace: server.namespace }),
  stack: undefined,
});

/** Ends and starts again are worth a line; the first start is not. */
export function eventNotes(output: Output): (event: ProcessEvent) => void {
  return ({ name, what, how }) => {
    if (what === 'ended') output.note(`the ${name} ended (${how ?? '?'}); starting it again`);
    if (what === 'unlocked') output.note(`the ${name} is on a file system without locks (${how ?? '?'}): see to it that nobody runs \`bliss gc\` or a local stack in it from elsewhere`);
    if (what === 'killed') output.note(`the ${name} did not end in time and was killed`);
  };
}
