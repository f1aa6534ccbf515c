import { workerData } from 'node:worker_threads';
import { openDataset } from './dataset.js';
import { toFault, type FromReader, type ReaderData, type ToReader } from './reader-protocol.js';
import { readBatch } from './token-batch.js';
import type { TokenDataset } from './types.js';

/**
 * The thread behind a feeder: reads, unpacks and shuffles while the trainer's own thread stands still inside TensorFlow.
 * It must not load TensorFlow, whose library belongs to one thread of a process.
 */
const { port, files, index, batchSize, subset } = workerData as ReaderData; // handed over by the feeder

let dataset: Promise<TokenDataset> | undefined;
let queue: Promise<void> = Promise.resolve();
let closed = false;

port.on('message', (message: ToReader) => {
  if (message.type === 'close') {
    closed = true;
    // nothing holds the thread any more once the batch that it is at has closed its file
    port.close();
    return;
  }
  queue = queue.then(async () => {
    if (closed) return;
    try {
      dataset ??= openDataset({ file: (name) => Promise.resolve(files[name]) }, index);
      const batch = await readBatch({ dataset: await dataset, request: message.request, batchSize, subset });
      say({ type: 'batch', batch }, [batch.tokens.buffer, batch.indices.buffer]);
    } catch (error) {
      say({ type: 'failed', fault: toFault(error) });
    }
  });
});

function say(message: FromReader, transfer: readonly ArrayBuffer[] = []): void {
  if (!closed) port.postMessage(message, transfer);
}
