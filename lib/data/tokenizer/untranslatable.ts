/** What a pattern has that has no faithful twin in JavaScript; the message names it. */
export class Untranslatable extends Error {}
