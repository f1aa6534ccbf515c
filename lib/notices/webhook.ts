import { createHmac } from 'node:crypto';
import { noticesSchema, type SubmittedNotices } from '../../config/sections/notices.js';
import { BlissError } from '../errors.js';
import type { Delivery } from './types.js';

export type Webhook = NonNullable<SubmittedNotices['webhook']>;

/** A signature of the body, as `sha256=` and the HMAC in hex: a receiver that has the key knows who sent it. */
export const SIGNATURE_HEADER = 'x-bliss-signature';
export const ID_HEADER = 'x-bliss-notice';

/** @throws BlissError ConfigInvalid; Error where another try may arrive */
export async function post({ notice, webhook, environment, timeoutMs }: Delivery & { readonly webhook: Webhook }): Promise<void> {
  const { url, secret } = addressOf({ webhook, environment });
  const body = JSON.stringify(notice);
  const signature: Record<string, string> = secret === undefined ? {} : { [SIGNATURE_HEADER]: `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` };
  const headers = { 'content-type': 'application/json', [ID_HEADER]: notice.id, ...signature };
  // a redirect would take body and signature to whomever it names
  const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) }).catch((error: unknown) => {
    // the address may be a secret: what fetch says of it is not passed on
    throw new Error(`the webhook could not be reached: ${error instanceof Error ? error.name : 'unknown'}`);
  });
  await response.body?.cancel();
  const { status } = response;
  if (status >= 300 && status < 400) {
    throw new BlissError({ code: 'ConfigInvalid', message: `the webhook answered ${status}: its address has moved, and nothing is sent on to another one`, where: 'notices.webhook', fix: `set ${webhook.urlVariable} to the new address and start the stack again` });
  }
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
    throw new BlissError({ code: 'ConfigInvalid', message: `the webhook answered ${status}`, where: 'notices.webhook', fix: `see that the address in ${webhook.urlVariable} is right` });
  }
  if (!response.ok) throw new Error(`the webhook answered ${status}`);
}

/** Where a webhook's notices go, and the key of their signature. @throws BlissError ConfigInvalid */
export function addressOf({ webhook, environment }: Pick<Delivery, 'environment'> & { readonly webhook: Webhook }): { readonly url: URL; readonly secret?: string } {
  const { urlVariable, secretVariable } = webhook;
  const address = variable(environment, urlVariable, 'urlVariable');
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) throw new BlissError({ code: 'ConfigInvalid', message: `${urlVariable} holds no http or https address`, where: 'notices.webhook.urlVariable', fix: `set ${urlVariable} to the whole address, with https:// at its beginning` });
  return { url, ...(secretVariable === undefined ? {} : { secret: variable(environment, secretVariable, 'secretVariable') }) };
}

function variable(environment: Readonly<NodeJS.ProcessEnv>, name: string, field: keyof Webhook): string {
  const where = `notices.webhook.${field}`;
  // runs of earlier versions, and whoever starts one without bliss, may name any
  if (!noticesSchema.shape.webhook.unwrap().shape.urlVariable.safeParse(name).success) {
    throw new BlissError({ code: 'ConfigInvalid', message: `${name} is not read: a run may name variables that begin with BLISS_`, where, fix: 'call it BLISS_WEBHOOK, say, in the environment of the CPU worker and in the configuration of the next run' });
  }
  const value = environment[name];
  if (value !== undefined && value !== '') return value;
  throw new BlissError({ code: 'ConfigInvalid', message: `the environment variable ${name} is not set where the CPU worker runs`, where, fix: 'set it and start the stack again' });
}
