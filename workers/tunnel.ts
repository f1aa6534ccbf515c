import http from 'node:http';
import { hostPort, type Proxy } from './proxy.js';

export interface TunnelInput {
  readonly proxy: Proxy;
  /** of the server behind it */
  readonly address: string;
  readonly timeoutMs: number;
}

/**
 * Asks a proxy for a way to a server, and gives it back: gRPC's libraries only say that there is none.
 * @returns what is wrong, in the proxy's words; undefined where it opens the way
 */
export function tunnelFault({ proxy, address, timeoutMs }: TunnelInput): Promise<string | undefined> {
  const { hostname, port } = new URL(`http://${proxy.host ?? ''}`);
  const to = authority(address);
  return new Promise((resolve) => {
    const request = http.request({ method: 'CONNECT', host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 80 : Number(port), path: to, headers: { Host: to, ...authorization(proxy) }, timeout: timeoutMs, agent: false });
    request.once('connect', ({ statusCode = 0, statusMessage = '' }, socket) => {
      socket.destroy();
      resolve(statusCode >= 200 && statusCode < 300 ? undefined : `it answers ${statusCode}${statusMessage === '' ? '' : ` ${statusMessage}`}`);
    });
    request.once('timeout', () => request.destroy(new Error(`it does not answer within ${timeoutMs / 1000} s`)));
    request.once('error', (error) => resolve(error.message));
    request.end();
  });
}

/** Channel arguments of a client that goes through a proxy, which is then what it connects to: what grpc-js derives from its variables, of which it knows fewer spellings. */
export function channelThrough({ proxy, address }: Pick<TunnelInput, 'proxy' | 'address'>): Record<string, string | number> {
  const to = authority(address);
  const { credentials } = proxy;
  return {
    'grpc.enable_http_proxy': 0,
    'grpc.http_connect_target': `dns:${to}`,
    'grpc.default_authority': to,
    ...(credentials === undefined ? {} : { 'grpc.http_connect_creds': `${credentials.username}:${credentials.password}` }),
  };
}

function authority(address: string): string {
  const { host, port } = hostPort(address);
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const authorization = ({ credentials }: Proxy): Record<string, string> =>
  credentials === undefined ? {} : { 'Proxy-Authorization': `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}` };
