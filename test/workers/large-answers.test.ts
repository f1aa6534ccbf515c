import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { connect, localServer } from '../../workers/connection.js';

/** gRPC's own limit is 4 MiB */
const BYTES = 5_500_000;

/** A message of gRPC: not compressed, its length, its bytes. */
function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** GetWorkflowExecutionHistoryResponse with a `next_page_token` (field 3, bytes) of that size. */
function largePage(bytes: number): Uint8Array {
  const length: number[] = [];
  for (let rest = bytes; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([0x1a, ...length]), Buffer.alloc(bytes)]);
}

test('a page of a history that is larger than gRPC takes by itself is received', async () => {
  const server = http2.createServer();
  server.on('stream', (stream, headers) => {
    const isHistory = headers[':path']?.endsWith('/GetWorkflowExecutionHistory') === true;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(framed(isHistory ? largePage(BYTES) : new Uint8Array()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // of a TCP server that listens
  const connection = await connect(localServer({ address: `127.0.0.1:${port}`, namespace: 'default' }));
  try {
    const page = await connection.withDeadline(Date.now() + 10_000, () => connection.workflowService.getWorkflowExecutionHistory({ namespace: 'default', execution: { workflowId: 'large' } }));
    expect(page.nextPageToken).toHaveLength(BYTES);
  } finally {
    await connection.close();
    server.close();
  }
});
