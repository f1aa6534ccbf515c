import { BlissError } from '../../lib/errors.js';
import { connect } from '../../workers/connection.js';
import type { ServerAddress } from '../../workers/server-address.js';
import { attributesMissing, mayAddAttributes, missingAttributes, requireNamespace } from '../../workers/namespace.js';
import { serverFault } from '../../workers/server-fault.js';
import { CONTROL_QUEUE, CPU_QUEUE, GPU_QUEUE } from '../../workflows/types.js';
import { missing, ok, warning, type Check, type Outcome } from './check.js';
import { errorAnswer } from '../output.js';
import { queuesWithoutWorker } from '../submit/index.js';

/** What a run needs of a configured server: that it answers, has the namespace, takes our search attributes, and that workers are there. Nothing is changed on it. */
export async function serverChecks(server: ServerAddress): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const through = server.proxy?.host === undefined ? '' : ` through the proxy of ${server.proxy.variable}`;
  let connection: Awaited<ReturnType<typeof connect>> | undefined;
  const check = async (name: string, look: () => Promise<Outcome>): Promise<boolean> => {
    const outcome = await look().catch((error: unknown) => fault(error, server));
    checks.push({ name, ...outcome });
    return outcome.state !== 'missing';
  };
  try {
    const answers = await check('Temporal', async () => {
      connection = await connect(server);
      return ok(`server at ${server.address}${through}`);
    });
    if (!answers || connection === undefined) return checks;
    const asked = { connection, server };
    const there = await check('Namespace', async () => {
      await requireNamespace(asked);
      return ok(server.namespace);
    });
    if (!there) return checks;
    await check('Attributes', async () => {
      const names = await missingAttributes(asked);
      if (names.length === 0) return ok('the search attributes are registered');
      return (await mayAddAttributes(asked)) ? ok(`the first run registers the search attributes ${names.join(', ')}`) : fault(attributesMissing({ namespace: server.namespace, missing: names }), server);
    });
    await check('Workers', async () => {
      const idle = await queuesWithoutWorker(asked, [CPU_QUEUE, GPU_QUEUE, CONTROL_QUEUE]);
      return idle.length === 0 ? ok(`ask for work from ${CPU_QUEUE}, ${GPU_QUEUE} and ${CONTROL_QUEUE}`) : warning(`none asks for work from ${idle.join(', ')}`, 'start `bliss dev` on a machine that has this server configured: a run waits until then');
    });
    return checks;
  } finally {
    await connection?.close();
  }
}

/** @throws what is none of ours or the server's */
function fault(error: unknown, server: ServerAddress): Outcome {
  const known = error instanceof BlissError ? error : serverFault({ error, server });
  if (known === undefined) throw error;
  const { message, fix } = errorAnswer(known);
  return missing(`${known.where === undefined ? '' : `${known.where}: `}${message}`, fix ?? 'see what it says');
}
