export { NOTICE_COMMAND, noticeCommand } from './command.js';
export { deliverNotice, type DeliverNotice } from './deliver.js';
export { noticeFaults } from './faults.js';
export type { Notice, NoticeChannel } from './types.js';
export { ID_HEADER, SIGNATURE_HEADER } from './webhook.js';
