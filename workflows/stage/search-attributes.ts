import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** What a list of workflows in the UI can be filtered by. Registered when a server or a worker starts. */
export const BLISS_RUN = defineSearchAttributeKey('BlissRun', SearchAttributeType.KEYWORD);
export const BLISS_STAGE = defineSearchAttributeKey('BlissStage', SearchAttributeType.KEYWORD);
export const BLISS_ARM = defineSearchAttributeKey('BlissArm', SearchAttributeType.KEYWORD);
export const BLISS_ROUND = defineSearchAttributeKey('BlissRound', SearchAttributeType.INT);
export const BLISS_LOSS = defineSearchAttributeKey('BlissLoss', SearchAttributeType.DOUBLE);
