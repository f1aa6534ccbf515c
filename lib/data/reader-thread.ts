import { parentPort } from 'node:worker_threads';
import { checkContent } from '../artifacts/check-content.js';
import { openDataset } from './dataset.js';
import { toFault } from '../fault.js';
import type { FromReader, OpenReader, ToReader } from './reader-protocol.js';
import { readBatch } from './token-batch.js';
import type { TokenDataset } from './types.js';

/**
 * The thread behind feeders, one after the other: reads, unpacks and shuffles while the trainer's own thread stands still inside TensorFlow.
 * It must not load TensorFlow, whose library belongs to one thread of a process.
 */
parentPort?.on('message', serve);

/** Answers one feeder until it closes; nothing of its dataset is kept then. */
function serve({ port, files, index, batchSize, subset }: OpenReader): void {
  let dataset: Promise<TokenDataset> | undefined;
  let queue: Promise<void> = Promise.resolve();
  let closed = false;
  const say = (message: FromReader, transfer: readonly ArrayBuffer[] = []): void => {
    if (!closed) port.postMessage(message, transfer);
  };
  const checking = new Map<string, Promise<string>>();
  const checked = (name: string): Promise<string> => {
    const { path, sha256, isChecked } = files[name];
    if (isChecked) return Promise.resolve(path);
    const known = checking.get(name) ?? checkContent(path, { sha256 }).then(() => {
      say({ type: 'checked', file: name });
      return path;
    });
    checking.set(name, known);
    return known;
  };
  port.on('message', (message: ToReader) => {
    if (message.type === 'close') {
      closed = true;
      // the feeder hears it when the batch that is being read has closed its file
      void queue.then(() => port.close());
      return;
    }
    queue = queue.then(async () => {
      if (closed) return;
      try {
        dataset ??= openDataset({ local: (name) => Promise.resolve(files[name]), file: checked }, index);
        const batch = await readBatch({ dataset: await dataset, request: message.request, batchSize, subset });
        say({ type: 'batch', batch }, [batch.tokens.buffer, batch.indices.buffer]);
      } catch (error) {
        say({ type: 'failed', fault: toFault(error) });
      }
    });
  });
}
