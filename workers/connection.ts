import { Connection, type ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { BlissError } from '../lib/errors.js';
import { proxyFor } from './proxy.js';
import type { ServerAddress } from './server-address.js';
import { serverFault, silenceFix } from './server-fault.js';
import { channelThrough, tunnelFault } from './tunnel.js';

/** Long enough for a far server's TLS handshake, short enough to wait for. */
const CONNECT_TIMEOUT_MS = 4_000;

/** A page of a history is larger than gRPC's 4 MB where a run has a large configuration. The SDK means to set this, by a name that gRPC does not know. */
const MOST_RECEIVED = { 'grpc.max_receive_message_length': 128 * 1024 * 1024 };

/**
 * The server of TEMPORAL_ADDRESS or TEMPORAL_PROFILE, read as the `temporal` CLI reads them (the same TOML and variables);
 * undefined where neither is set. A profile that merely exists does not count: a demo must not end up on a team's cluster.
 * @throws BlissError ConfigInvalid
 */
export function configuredServer(environment: NodeJS.ProcessEnv = process.env): ServerAddress | undefined {
  const named = (name: string): boolean => (environment[name] ?? '') !== '';
  if (!named('TEMPORAL_ADDRESS') && !named('TEMPORAL_PROFILE')) return undefined;
  try {
    const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars: definedOnly(environment) });
    const address = connectionOptions.address;
    if (address === undefined) throw new Error('the profile has no address');
    return { kind: 'configured', address, namespace: namespace ?? 'default', ...withProxy({ connection: connectionOptions, address, environment }) };
  } catch (cause) {
    throw new BlissError({
      code: 'ConfigInvalid',
      message: `the connection to Temporal is not configured well: ${messageOf(cause)}`,
      where: named('TEMPORAL_PROFILE') ? `TEMPORAL_PROFILE=${environment['TEMPORAL_PROFILE'] ?? ''}` : `TEMPORAL_ADDRESS=${environment['TEMPORAL_ADDRESS'] ?? ''}`,
      fix: 'correct the profile (`temporal config list` shows it) or unset the variable to use the local stack',
      cause,
    });
  }
}

export function localServer({ address, namespace }: { readonly address: string; readonly namespace: string }): ServerAddress {
  return { kind: 'local', address, namespace, ...withProxy({ connection: { address }, address, environment: process.env }) };
}

/** Said outright: the workers' library reads no variables, the client's reads fewer of them. */
function withProxy({ connection, address, environment }: { readonly connection: NativeConnectionOptions; readonly address: string; readonly environment: NodeJS.ProcessEnv }): Pick<ServerAddress, 'connection' | 'proxy'> {
  const proxy = proxyFor({ address, environment });
  if (proxy === undefined) return { connection };
  const { host, credentials } = proxy;
  return { proxy, connection: host === undefined ? connection : { ...connection, proxy: { type: 'http-connect', targetHost: host, ...(credentials === undefined ? {} : { basicAuth: credentials }) } } };
}

/** Server for a process that is told only an address: the configured one with its credentials if the address is its, else a plain one. */
export function serverAt({ address, namespace }: { readonly address: string; readonly namespace: string }): ServerAddress {
  const configured = configuredServer();
  return configured?.address === address ? { ...configured, namespace } : localServer({ address, namespace });
}

/** @throws BlissError ServerUnreachable after a few seconds; ServerRefused where it answers and does not let us in */
export async function connect(server: ServerAddress, timeoutMs: number = CONNECT_TIMEOUT_MS): Promise<Connection> {
  const { address, tls, apiKey, metadata } = server.connection;
  const through = server.proxy?.host === undefined ? undefined : { proxy: server.proxy, address: server.address };
  const options: ConnectionOptions = {
    connectTimeout: timeoutMs,
    // without `through` grpc-js would look for a proxy of its own, also for this machine
    channelArgs: { ...MOST_RECEIVED, ...(through === undefined ? { 'grpc.enable_http_proxy': 0 } : channelThrough(through)) },
    ...(through?.proxy.host === undefined ? (address === undefined ? {} : { address }) : { address: through.proxy.host }),
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  const closed = through === undefined ? undefined : await tunnelFault({ ...through, timeoutMs });
  if (closed !== undefined) throw new BlissError({ code: 'ServerUnreachable', message: `there is no way to the Temporal server through the proxy ${through?.proxy.shown ?? ''}: ${closed}`, where: server.address, fix: silenceFix(server) });
  try {
    return await Connection.connect(options);
  } catch (cause) {
    throw serverFault({ error: cause, server }) ?? new BlissError({ code: 'ServerUnreachable', message: `no Temporal server answers (${messageOf(cause)})`, where: server.address, fix: silenceFix(server), cause });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const definedOnly = (environment: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''));
