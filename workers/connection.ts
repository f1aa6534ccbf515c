import { Connection, type ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { BlissError } from '../lib/errors.js';

/** Long enough for a far server's TLS handshake, short enough to wait for. */
const CONNECT_TIMEOUT_MS = 4_000;

/** A page of a history is larger than gRPC's 4 MB where a run has a large configuration. The SDK means to set this, by a name that gRPC does not know. */
const MOST_RECEIVED = { 'grpc.max_receive_message_length': 128 * 1024 * 1024 };

/** A server that the user named, or the one of a local stack. */
export interface ServerAddress {
  readonly kind: 'configured' | 'local';
  readonly address: string;
  readonly namespace: string;
  /** mTLS, API key and headers of a configured server come along; fits Connection.connect and NativeConnection.connect */
  readonly connection: NativeConnectionOptions;
}

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
    return { kind: 'configured', address, namespace: namespace ?? 'default', connection: connectionOptions };
  } catch (cause) {
    throw new BlissError({
      code: 'ConfigInvalid',
      message: `the connection to Temporal is not configured well: ${messageOf(cause)}`,
      where: named('TEMPORAL_PROFILE') ? `TEMPORAL_PROFILE=${environment['TEMPORAL_PROFILE'] ?? ''}` : `TEMPORAL_ADDRESS=${environment['TEMPORAL_ADDRESS'] ?? ''}`,
      mend: 'mend the profile (`temporal config list` shows it) or unset the variable to use the local stack',
      cause,
    });
  }
}

export function localServer({ address, namespace }: { readonly address: string; readonly namespace: string }): ServerAddress {
  return { kind: 'local', address, namespace, connection: { address } };
}

/** Server for a process that is told only an address: the configured one with its credentials if the address is its, else a plain one. */
export function serverAt({ address, namespace }: { readonly address: string; readonly namespace: string }): ServerAddress {
  const configured = configuredServer();
  return configured?.address === address ? { ...configured, namespace } : localServer({ address, namespace });
}

/** @throws BlissError ServerUnreachable after a few seconds */
export async function connect(server: ServerAddress, timeoutMs: number = CONNECT_TIMEOUT_MS): Promise<Connection> {
  const { address, tls, apiKey, metadata } = server.connection;
  const options: ConnectionOptions = {
    connectTimeout: timeoutMs,
    channelArgs: MOST_RECEIVED,
    ...(address === undefined ? {} : { address }),
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  try {
    return await Connection.connect(options);
  } catch (cause) {
    throw new BlissError({
      code: 'ServerUnreachable',
      message: `no Temporal server answers (${messageOf(cause)})`,
      where: server.address,
      mend:
        server.kind === 'configured'
          ? 'check TEMPORAL_ADDRESS and the TEMPORAL_TLS_* variables or the profile, or unset TEMPORAL_ADDRESS to use the local stack'
          : 'start the stack with `bliss dev`, or `bliss resume RUN`',
      cause,
    });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const definedOnly = (environment: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''));
