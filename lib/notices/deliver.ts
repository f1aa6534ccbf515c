import type { SubmittedNotices } from '../../config/sections/notices.js';
import { requireNoProgram, runCommand } from './command.js';
import type { Delivery, NoticeChannel } from './types.js';
import { post } from './webhook.js';

export interface DeliverNotice extends Omit<Delivery, 'timeoutMs'> {
  readonly channel: NoticeChannel;
  /** as the run was submitted with */
  readonly notices: SubmittedNotices;
  /** of one try, milliseconds. @default 20,000 */
  readonly timeoutMs?: number;
}

/**
 * One try at one channel.
 * @throws BlissError ConfigInvalid where trying again cannot help: a variable is not set or not one that a run may name, the run names a program, or the receiver says that the request is wrong
 * @throws Error where it can
 */
export async function deliverNotice({ channel, notices: { webhook, command }, timeoutMs = 20_000, ...of }: DeliverNotice): Promise<void> {
  if (channel === 'webhook' && webhook !== undefined) await post({ ...of, timeoutMs, webhook });
  if (channel === 'command') {
    requireNoProgram(command);
    if (command === true) await runCommand({ ...of, timeoutMs });
  }
}
