import { ApplicationFailure } from '@temporalio/activity';
import { BlissError } from '../lib/errors.js';
import { deliverNotice, type DeliverNotice } from '../lib/notices/index.js';

/** Tells people what happens to a run: one notice, one channel. */
export const createNoticeActivities = ({ environment }: Pick<DeliverNotice, 'environment'>) => ({
  notify: async (notice: Pick<DeliverNotice, 'notice' | 'channel' | 'notices'>): Promise<void> => {
    try {
      await deliverNotice({ ...notice, environment });
    } catch (error) {
      if (error instanceof BlissError) throw ApplicationFailure.create({ type: error.code, message: error.message, nonRetryable: true });
      throw error;
    }
  },
});
