import { isGrpcServiceError } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { BlissError, type BlissErrorInput } from '../lib/errors.js';
import type { ServerAddress } from './server-address.js';
import { hostPort, type Proxy } from './proxy.js';

/** gRPC's codes, by what a Temporal server means by them. @see https://grpc.io/docs/guides/status-codes/ */
const STATUS = ['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'] as const;
type Status = (typeof STATUS)[number];

/** A refusal of the server, dug out of what the client wraps around it. */
export interface Refusal {
  readonly status: Status;
  /** the server's own words */
  readonly details: string;
}

export type AskedServer = Pick<ServerAddress, 'kind' | 'address' | 'namespace' | 'proxy'>;

/** @returns undefined where the error is none of a server's */
export function refusalOf(error: unknown): Refusal | undefined {
  for (let next = error, depth = 0; next instanceof Error && depth < 16; next = next.cause, depth++) {
    if (next instanceof NamespaceNotFoundError) return { status: 'NOT_FOUND', details: `Namespace ${next.namespace} is not found.` };
    if (isGrpcServiceError(next)) return { status: STATUS[next.code] ?? 'UNKNOWN', details: next.details };
  }
  return undefined;
}

/** What a server's refusal, or its silence, means for a person, with the fix. @returns undefined where the error is none of a server's */
export function serverFault({ error, server }: { readonly error: unknown; readonly server: AskedServer }): BlissError | undefined {
  const refusal = refusalOf(error);
  if (refusal === undefined) return undefined;
  return new BlissError({ ...meaning(refusal, server), where: server.address, cause: error });
}

type Meaning = Pick<BlissErrorInput, 'code' | 'message' | 'fix'>;

function meaning({ status, details }: Refusal, server: AskedServer): Meaning {
  const { namespace } = server;
  switch (status) {
    case 'NOT_FOUND':
      if (isOfNamespace(details)) return noNamespace(namespace);
      return { code: 'ServerRefused', message: `the Temporal server does not find what it was asked for (${details})`, fix: 'look with `bliss status` which runs there are' };
    case 'PERMISSION_DENIED':
      return { code: 'ServerRefused', message: `the Temporal server does not let this account do that (${details})`, fix: `give the account of TEMPORAL_API_KEY, or of the client certificate, the right to write to the namespace ${namespace}` };
    case 'UNAUTHENTICATED':
      return { code: 'ServerRefused', message: `the Temporal server does not know this account (${details})`, fix: 'set TEMPORAL_API_KEY, or TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH, to credentials that hold now' };
    case 'RESOURCE_EXHAUSTED':
      if (/larger than max|too large/i.test(details)) return { code: 'ServerRefused', message: `a message is too large for the Temporal server (${details})`, fix: 'name files by a folder or a glob instead of one by one' };
      return { code: 'ServerUnreachable', message: `the Temporal server turns requests away: a limit is reached (${details})`, fix: `try again in a minute; where it stays so, raise the limits of the namespace ${namespace}` };
    case 'UNIMPLEMENTED':
      return { code: 'ServerRefused', message: `the Temporal server does not know this request (${details})`, fix: 'use a Temporal server of 1.25 or newer, with updates switched on, and see that no proxy on the way holds requests back' };
    case 'INVALID_ARGUMENT':
      if (isOfSearchAttribute(details)) return { code: 'ConfigInvalid', message: `the namespace ${namespace} lacks a search attribute (${details})`, fix: searchAttributesFix(namespace) };
      return { code: 'ServerRefused', message: `the Temporal server does not take this request (${details})`, fix: 'report this, with the version of the server (`temporal operator cluster describe`)' };
    case 'DEADLINE_EXCEEDED':
      return { code: 'ServerUnreachable', message: `the Temporal server did not answer in time (${details})`, fix: silenceFix(server) };
    case 'UNAVAILABLE':
    case 'CANCELLED':
      return { code: 'ServerUnreachable', message: `no Temporal server answers (${details})`, fix: silenceFix(server) };
    default:
      return { code: 'ServerRefused', message: `the Temporal server failed (${status}: ${details})`, fix: server.kind === 'local' ? 'read logs/server.log in the home' : 'try again; where it stays so, look into the server’s log' };
  }
}

const noNamespace = (namespace: string): Meaning => ({
  code: 'ConfigInvalid',
  message: `the Temporal server has no namespace '${namespace}'`,
  fix: `create it (\`temporal operator namespace create --namespace ${namespace}\`; on Temporal Cloud in its UI), or set TEMPORAL_NAMESPACE to one that is there`,
});

const isOfNamespace = (details: string): boolean => /namespace .*(not found|not exist)/i.test(details);
/** `Namespace default has no mapping defined for search attribute BlissRun`, `invalid query: … not a valid search attribute` and their like */
const isOfSearchAttribute = (details: string): boolean => /search attribute/i.test(details);

const searchAttributesFix = (namespace: string): string => `run \`bliss doctor\`: it says which, and how an operator adds them to ${namespace}`;

/** What to look at where nothing answers: the proxy, where there is one on the way. */
export function silenceFix({ kind, address, proxy }: Pick<AskedServer, 'kind' | 'address' | 'proxy'>): string {
  if (proxy !== undefined) return proxyFix({ proxy, address });
  return kind === 'configured'
    ? 'check TEMPORAL_ADDRESS and the TEMPORAL_TLS_* variables or the profile, or unset TEMPORAL_ADDRESS to use the local stack'
    : 'start the stack with `bliss dev`, or `bliss resume RUN`';
}

function proxyFix({ proxy: { variable, shown, host: through }, address }: { readonly proxy: Proxy; readonly address: string }): string {
  const { host } = hostPort(address);
  return through === undefined
    ? `${variable}=${shown} is in the environment, and was not used: gRPC goes through proxies of the form http://HOST:PORT only; set grpc_proxy to one, or check TEMPORAL_ADDRESS`
    : `${variable}=${shown} is in the environment: fix that proxy, or put ${host} into no_proxy to reach the server without it`;
}
