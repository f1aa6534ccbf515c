import http2 from 'node:http2';
import net from 'node:net';
import http from 'node:http';

/** of gRPC, as a server says it */
export interface Refused {
  readonly status: number;
  readonly message: string;
}

export interface Gateway {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  close(): void;
}

/** A server in front of a real one, as Temporal Cloud's is: it hands all requests on, but those whose path it refuses. */
export async function gateway({ to, refuse }: { readonly to: string; readonly refuse: (path: string) => Refused | undefined }): Promise<Gateway> {
  const sessions = new Set<http2.Http2Session>();
  const behind = http2.connect(`http://${to}`);
  const server = http2.createServer();
  server.on('session', (session) => void sessions.add(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined); // the caller has gone
    const refused = refuse(String(headers[':path']));
    if (refused !== undefined) {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(refused.status), 'grpc-message': encodeURIComponent(refused.message) }, { endStream: true });
      return;
    }
    const { ':authority': _authority, ...kept } = headers;
    const onward = behind.request(kept);
    onward.on('error', () => stream.destroy());
    let trailers: http2.IncomingHttpHeaders = {};
    onward.on('response', (answer, flags) => {
      // what ends with its headers has the status in them
      if ((flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0) stream.respond(answer, { endStream: true });
      else stream.respond(answer, { waitForTrailers: true });
    });
    onward.on('trailers', (last) => (trailers = last));
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    onward.pipe(stream);
    stream.pipe(onward);
    stream.on('close', () => onward.close(http2.constants.NGHTTP2_CANCEL));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: addressOf(server),
    close: () => {
      for (const session of [...sessions, behind]) session.destroy();
      server.close();
    },
  };
}

export interface TestProxy {
  readonly url: string;
  /** `HOST:PORT` of every way that was asked for, and the URLs of plain requests */
  readonly asked: readonly string[];
  /** `Proxy-Authorization` of each */
  readonly credentials: readonly (string | undefined)[];
  close(): void;
}

/** A small HTTP proxy. @param onward where CONNECT leads; undefined: nowhere, it answers 503 @param answer what plain requests are answered with; undefined: 503 */
export async function httpProxy(onward: (target: string) => { readonly host: string; readonly port: number } | undefined, answer: (url: string) => string | Buffer | undefined = () => undefined): Promise<TestProxy> {
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const sockets = new Set<net.Socket>();
  const server = http.createServer((request, response) => {
    asked.push(request.url ?? '');
    credentials.push(request.headers['proxy-authorization']);
    const body = answer(request.url ?? '');
    if (body === undefined) response.writeHead(503).end();
    else response.end(body);
  });
  server.on('connection', (socket: net.Socket) => void sockets.add(socket));
  server.on('connect', (request: http.IncomingMessage, socket: net.Socket, head: Buffer) => {
    const target = request.url ?? '';
    asked.push(target);
    credentials.push(request.headers['proxy-authorization']);
    socket.on('error', () => undefined);
    const to = onward(target);
    if (to === undefined) {
      socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
      return;
    }
    const far = net.connect(to.port, to.host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      far.write(head);
      far.pipe(socket).pipe(far);
    });
    sockets.add(far);
    far.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://${addressOf(server)}`,
    asked,
    credentials,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function addressOf(server: net.Server | http2.Http2Server): string {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('it listens nowhere');
  return `127.0.0.1:${address.port}`;
}
