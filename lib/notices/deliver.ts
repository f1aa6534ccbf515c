import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import type { NoticesConfig } from '../../config/sections/notices.js';
import { BlissError } from '../errors.js';

/** What happened to a run, for whoever wants to hear of it. */
export interface Notice {
  /** the same in every try of one notice: a receiver drops what it has seen */
  readonly id: string;
  readonly run: string;
  readonly event: NoticesConfig['events'][number];
  /** of a stage: `seed-0/bliss/round-1/bilevel` */
  readonly stage?: string;
  /** why a run failed, or what else there is to know */
  readonly message?: string;
  /** ISO 8601 */
  readonly at: string;
}

export type NoticeChannel = 'webhook' | 'command';

export interface DeliverNotice {
  readonly notice: Notice;
  readonly channel: NoticeChannel;
  readonly notices: NoticesConfig;
  /** holds the address and the key: they stand in no configuration and no history */
  readonly environment: Readonly<NodeJS.ProcessEnv>;
  /** of one try, milliseconds. @default 20,000 */
  readonly timeoutMs?: number;
}

/** A signature of the body, as `sha256=` and the HMAC in hex: a receiver that has the key knows who sent it. */
export const SIGNATURE_HEADER = 'x-bliss-signature';
export const ID_HEADER = 'x-bliss-notice';

/**
 * One try at one channel.
 * @throws BlissError ConfigInvalid where trying again cannot help: a variable is not set, or the receiver says that the request is wrong
 * @throws Error where it can
 */
export async function deliverNotice({ notice, channel, notices, environment, timeoutMs = 20_000 }: DeliverNotice): Promise<void> {
  const { webhook, command } = notices;
  if (channel === 'webhook' && webhook !== undefined) await post({ notice, webhook, environment, timeoutMs });
  if (channel === 'command' && command !== undefined) await run({ notice, command, environment, timeoutMs });
}

async function post({ notice, webhook, environment, timeoutMs }: Pick<DeliverNotice, 'notice' | 'environment'> & { readonly webhook: NonNullable<NoticesConfig['webhook']>; readonly timeoutMs: number }): Promise<void> {
  const url = variable(environment, webhook.urlVariable, 'notices.webhook.urlVariable');
  const body = JSON.stringify(notice);
  const signature: Record<string, string> = webhook.secretVariable === undefined ? {} : { [SIGNATURE_HEADER]: `sha256=${createHmac('sha256', variable(environment, webhook.secretVariable, 'notices.webhook.secretVariable')).update(body).digest('hex')}` };
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', [ID_HEADER]: notice.id, ...signature }, body, signal: AbortSignal.timeout(timeoutMs) }).catch((error: unknown) => {
    // the address may be a secret: what fetch says of it is not passed on
    throw new Error(`the webhook could not be reached: ${error instanceof Error ? error.name : 'unknown'}`);
  });
  await response.body?.cancel();
  const { status } = response;
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
    throw new BlissError({ code: 'ConfigInvalid', message: `the webhook answered ${status}`, where: 'notices.webhook', mend: `see that the address in ${webhook.urlVariable} is right` });
  }
  if (!response.ok) throw new Error(`the webhook answered ${status}`);
}

function run({ notice, command: [program, ...args], environment, timeoutMs }: Pick<DeliverNotice, 'notice' | 'environment'> & { readonly command: readonly string[]; readonly timeoutMs: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: environment, stdio: ['pipe', 'ignore', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' });
    let said = '';
    child.stderr.on('data', (part: Buffer) => (said = (said + part.toString('utf8')).slice(-400)));
    child.once('error', (error) => reject(new BlissError({ code: 'ConfigInvalid', message: `the command cannot be run: ${error.message}`, where: 'notices.command', mend: 'name a program that is there on the machine of the CPU worker' })));
    child.once('close', (code, signal) => (code === 0 ? resolve() : reject(new Error(`the command ended with ${signal ?? `code ${code}`}${said === '' ? '' : `: ${said.trim()}`}`))));
    child.stdin.on('error', () => undefined); // a command that reads nothing
    child.stdin.end(`${JSON.stringify(notice)}\n`);
  });
}

function variable(environment: Readonly<NodeJS.ProcessEnv>, name: string, field: string): string {
  const value = environment[name];
  if (value !== undefined && value !== '') return value;
  throw new BlissError({ code: 'ConfigInvalid', message: `the environment variable ${name} is not set where the CPU worker runs`, where: field, mend: 'set it and start the stack again' });
}
