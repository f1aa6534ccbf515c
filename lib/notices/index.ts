export { deliverNotice, ID_HEADER, SIGNATURE_HEADER, type DeliverNotice, type Notice, type NoticeChannel } from './deliver.js';
