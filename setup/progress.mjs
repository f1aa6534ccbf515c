/**
 * Set-up speaks in plain lines on stderr: stdout belongs to what runs after it (`npm start -- --json`).
 * @typedef {(line: string) => void} Say
 */

/** @type {Say} */
export const say = (line) => void process.stderr.write(`set-up: ${line}\n`);

/** @param {number} bytes */
export const megabytes = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`);

/** @param {number} since milliseconds of performance.now() */
export const secondsSince = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
