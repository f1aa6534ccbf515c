import { chmodSync, existsSync } from 'node:fs';
import path from 'node:path';
import type { Connection } from '@temporalio/client';
import { codeOf } from '../lib/code-of.js';
import { BlissError } from '../lib/errors.js';
import type { Home } from '../lib/home.js';
import { makeHome } from '../lib/home-folder.js';
import { connect, localServer } from './connection.js';
import type { ServerAddress } from './server-address.js';
import { ensureSearchAttributes, keepClosedWorkflows, SEARCH_ATTRIBUTE_TYPES } from './namespace.js';
import { LOOPBACK, portIsFree } from './ports.js';
import { withDirectLoopback } from './proxy.js';
import { lastLines, supervise, type ProcessEvent, type Supervisor } from './supervisor.js';
import type { TemporalBinary } from './temporal-binary.js';

export const LOCAL_NAMESPACE = 'default';

/** A cold start on a slow disk with a large history; usually 0.2-0.7 s. */
const READY_TIMEOUT_MS = 60_000;

export interface TemporalServer {
  readonly server: ServerAddress;
  readonly uiAddress: string;
  readonly supervisor: Supervisor;
}

export interface TemporalServerInput {
  readonly home: Home;
  readonly binary: TemporalBinary;
  readonly port: number;
  readonly uiPort: number;
  readonly onEvent: (event: ProcessEvent) => void;
  /** descriptor of the home's lock: the server has it too, so that the home is locked as long as either lives */
  readonly lock?: number;
}

/**
 * The development server on the home's SQLite file, ready: search attributes registered, closed workflows kept for a year.
 * The caller holds the home's lock.
 * @throws BlissError PortInUse, CrashLoop, ServerUnreachable
 */
export async function startTemporalServer({ home, binary, port, uiPort, onEvent, lock }: TemporalServerInput): Promise<TemporalServer> {
  await requireFreePorts({ port, uiPort });
  makeHome(home);
  closeDatabase(home);
  const logFile = path.join(home.logs, 'server.log');
  const supervisor = supervise({
    name: 'Temporal server',
    command: binary.file,
    args: serverArguments({ home, port, uiPort }),
    environment: withDirectLoopback(process.env),
    umask: 0o077,
    folder: home.root,
    ...(lock === undefined ? {} : { keeps: lock }),
    logFile,
    onEvent,
    fix: 'read the log; `bliss doctor` checks the rest',
  });
  const server = localServer({ address: `${LOOPBACK}:${port}`, namespace: LOCAL_NAMESPACE });
  const outcome = await Promise.race([waitUntilReady(server, logFile), supervisor.gaveUp]);
  if (outcome instanceof BlissError) {
    await supervisor.stop(1_000);
    // lost the port between our look and its start
    throw lastLines(logFile, 20).some((line) => line.includes('address already in use')) ? portInUse(port) : outcome;
  }
  return { server, uiAddress: `http://${LOOPBACK}:${uiPort}`, supervisor };
}

/** Histories hold whole configurations, and earlier versions made the database as the umask had it. */
function closeDatabase({ temporalDatabase }: Home): void {
  for (const file of ['', '-wal', '-shm'].map((suffix) => temporalDatabase + suffix)) {
    try {
      if (existsSync(file)) chmodSync(file, 0o600);
    } catch (error) {
      // another user's: whether it serves, SQLite will say
      if (codeOf(error) !== 'EPERM') throw error;
    }
  }
}

/**
 * The server makes a URI of the file's path as it is, in which `%`, `?` and `#` mean something: with letters and digits alone it is given whole, for
 * people who look at the processes, and else from the home, which is the server's working folder.
 */
const databaseName = ({ temporalDatabase }: Home): string => (/^[\p{L}\p{N} /._-]+$/u.test(temporalDatabase) ? temporalDatabase : path.basename(temporalDatabase));

/** @param ip where it listens. @default loopback: it has no authentication */
export function serverArguments({ home, port, uiPort, ip = LOOPBACK }: { readonly home: Home; readonly port: number; readonly uiPort: number; readonly ip?: string }): string[] {
  return [
    ...['server', 'start-dev', '--db-filename', databaseName(home), '--namespace', LOCAL_NAMESPACE],
    ...['--ip', ip, '--port', String(port), '--ui-port', String(uiPort)],
    ...Object.entries(SEARCH_ATTRIBUTE_TYPES).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
    ...['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=1', '--log-level', 'warn'],
  ];
}

/** Ready is: the namespace answers and takes our settings. @returns the error if that does not come about in time */
async function waitUntilReady(server: ServerAddress, logFile: string): Promise<BlissError | undefined> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let last: unknown;
  while (Date.now() < deadline) {
    let connection: Connection | undefined;
    try {
      connection = await connect(server, 1_000);
      await connection.workflowService.describeNamespace({ namespace: server.namespace });
      await ensureSearchAttributes({ connection, server });
      await keepClosedWorkflows({ connection, namespace: server.namespace });
      return undefined;
    } catch (error) {
      last = error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    } finally {
      await connection?.close();
    }
  }
  return new BlissError({ code: 'ServerUnreachable', message: 'the Temporal server did not get ready within a minute', where: server.address, fix: `read ${logFile}`, cause: last });
}

/** @throws BlissError PortInUse */
export async function requireFreePorts({ port, uiPort }: { readonly port: number; readonly uiPort: number }): Promise<void> {
  for (const wanted of [port, uiPort]) {
    if (!(await portIsFree(wanted))) throw portInUse(wanted);
  }
}

const portInUse = (port: number): BlissError =>
  new BlissError({
    code: 'PortInUse',
    message: `port ${port} is in use by another process`,
    where: `${LOOPBACK}:${port}`,
    fix: `end that process (\`ss -ltnp sport = :${port}\` names it) or take other ports: bliss dev --port 7333 --ui-port 8333`,
  });
