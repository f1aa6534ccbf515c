import type { SubmittedNotices } from '../../config/sections/notices.js';
import { BlissError } from '../errors.js';
import { noticeCommand, requireNoProgram } from './command.js';
import { addressOf } from './webhook.js';

/** Why people would not be told, by what an environment holds: of each channel what is wrong first. Nothing is sent and nothing run. */
export function noticeFaults({ notices: { webhook, command }, environment }: { readonly notices: SubmittedNotices; readonly environment: Readonly<NodeJS.ProcessEnv> }): readonly BlissError[] {
  const checks: readonly (() => unknown)[] = [
    () => webhook === undefined || addressOf({ webhook, environment }),
    () => requireNoProgram(command),
    () => command !== true || noticeCommand(environment),
  ];
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      if (error instanceof BlissError) return [error];
      throw error;
    }
  });
}
