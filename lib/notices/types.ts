import type { NoticesConfig } from '../../config/sections/notices.js';

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

/** One try at one channel. */
export interface Delivery {
  readonly notice: Notice;
  /** of the worker: holds address, key and program, which stand in no configuration and no history */
  readonly environment: Readonly<NodeJS.ProcessEnv>;
  readonly timeoutMs: number;
}
