import net from 'node:net';

/** Where gRPC's libraries look, the first that is set; `all_proxy` is curl's. Each is read in capitals too. */
const PROXY_VARIABLES = ['grpc_proxy', 'https_proxy', 'http_proxy', 'all_proxy'] as const;
/** gRPC's own hides the common one where it is set */
const NO_PROXY_VARIABLES = ['no_grpc_proxy', 'no_proxy'] as const;
/** as all who read `no_proxy` understand them: no ranges */
const THIS_MACHINE = ['localhost', '127.0.0.1', '::1', '[::1]'] as const;
const TEMPORAL_PORT = 7233;
const HTTP_PORT = '80';

/** The proxy that the environment names for a server. */
export interface Proxy {
  /** as it stands in the environment: `HTTPS_PROXY` */
  readonly variable: string;
  /** its value for people: without user and password */
  readonly shown: string;
  /** `host:port`; undefined where gRPC cannot go through it: that is done by plain HTTP only */
  readonly host: string | undefined;
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** @param address `host`, `host:port` or `[ipv6]:port`, as TEMPORAL_ADDRESS is written */
export function hostPort(address: string): HostPort {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(address) ?? [];
  return { host: bracketed ?? plain ?? address, port: port === undefined ? TEMPORAL_PORT : Number(port) };
}

/** @returns undefined where none is named, and for what `no_proxy` excepts. This machine itself is never reached through a proxy. */
export function proxyFor({ address, environment }: { readonly address: string; readonly environment: NodeJS.ProcessEnv }): Proxy | undefined {
  const server = hostPort(address);
  if (isThisMachine(server.host) || isExcepted(server, environment)) return undefined;
  const variable = firstSet(PROXY_VARIABLES, environment);
  return variable === undefined ? undefined : { variable, ...parseProxy(environment[variable] ?? '') };
}

/** The same environment, but that no program in it goes through a proxy to this machine. Untouched where no proxy is named. */
export function withDirectLoopback(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (firstSet(PROXY_VARIABLES, environment) === undefined) return environment;
  const excepted: Record<string, string> = {};
  for (const name of NO_PROXY_VARIABLES) {
    const said = firstSet([name], environment);
    if (name === 'no_grpc_proxy' && said === undefined) continue;
    // some programs read the one spelling, some the other
    for (const spelling of [name, name.toUpperCase()]) {
      excepted[spelling] = [...new Set([...exceptions(environment[spelling] ?? environment[said ?? name] ?? ''), ...THIS_MACHINE])].join(',');
    }
  }
  return { ...environment, ...excepted };
}

/** The first of the variables that says something, as it is spelled there: lower case counts before capitals. */
function firstSet(names: readonly string[], environment: NodeJS.ProcessEnv): string | undefined {
  return names.flatMap((name) => [name, name.toUpperCase()]).find((name) => (environment[name] ?? '').trim() !== '');
}

const exceptions = (list: string): string[] => list.split(/[\s,]+/).filter((one) => one !== '');

/** A value without a scheme is an HTTP proxy's, as curl and Go read it. */
function parseProxy(value: string): Pick<Proxy, 'shown' | 'host' | 'credentials'> {
  const text = value.trim();
  try {
    const { protocol, hostname, port, username, password } = new URL(text.includes('://') ? text : `http://${text}`);
    const credentials = username === '' ? undefined : { username: decodeURIComponent(username), password: decodeURIComponent(password) };
    const host = `${hostname}:${port === '' ? HTTP_PORT : port}`;
    const shown = `${protocol}//${credentials === undefined ? '' : '***@'}${port === '' ? hostname : host}`;
    return { shown, host: protocol === 'http:' && hostname !== '' ? host : undefined, credentials };
  } catch {
    return { shown: text.replace(/^(.*:\/\/)?.*@/s, '$1***@'), host: undefined, credentials: undefined };
  }
}

const loopback = new net.BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('0.0.0.0', 'ipv4'); // the system takes "any address" for this machine's own
loopback.addAddress('::1', 'ipv6');
loopback.addAddress('::', 'ipv6');

function isThisMachine(host: string): boolean {
  const family = net.isIP(host);
  return family === 0 ? /^(.*\.)?localhost$/i.test(host) : loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** By name and the names below it, by address, by range, each for one port where it says so; `*` is all. */
function isExcepted({ host, port }: HostPort, environment: NodeJS.ProcessEnv): boolean {
  const variable = firstSet(NO_PROXY_VARIABLES, environment);
  return exceptions(environment[variable ?? ''] ?? '').some((one) => {
    if (one === '*') return true;
    if (one.includes('/')) return isInRange(host, one);
    const named = net.isIP(one) === 6 ? { host: one, port } : { ...hostPort(one), ...(/\]?:\d+$/.test(one) ? {} : { port }) };
    const name = named.host.replace(/^\*?\./, '').toLowerCase();
    return named.port === port && (host.toLowerCase() === name || (net.isIP(host) === 0 && host.toLowerCase().endsWith(`.${name}`)));
  });
}

function isInRange(host: string, range: string): boolean {
  const family = net.isIP(host);
  const [base = '', bits = ''] = range.split('/');
  if (family === 0 || net.isIP(base) !== family || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new net.BlockList();
  list.addSubnet(base, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
