import { deliverNotice, type DeliverNotice } from '../lib/notices/index.js';

/** Tells people what happens to a run: one notice, one channel. */
export const createNoticeActivities = ({ environment }: Pick<DeliverNotice, 'environment'>) => ({
  notify: (notice: Pick<DeliverNotice, 'notice' | 'channel' | 'notices'>): Promise<void> => deliverNotice({ ...notice, environment }),
});
