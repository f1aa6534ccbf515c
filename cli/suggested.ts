import type { Output } from './output.js';

/** As a shell takes it in one word. */
const shellWord = (text: string): string => (/^[\w./~@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** ` --home DIR` for commands that we suggest; none where they find the home by themselves. */
export function homeOptionOf(given: string | undefined): string {
  const home = given ?? process.env['BLISS_HOME'];
  return home === undefined || home === '' ? '' : ` --home ${shellWord(home)}`;
}

const VERB = '(?:budget|cancel|dev|doctor|eval|export|fork|gc|init|logs|pause|plan|report|resume|run|status|stop-after)\\b';
/** a command in quotes, or one that a clause ends with */
const COMMAND = new RegExp(`(?<=\`)bliss ${VERB}[^\`\\n]*(?=\`)|(?<=")bliss ${VERB}[^"\\n]*(?=")|(?<=^|\\s)bliss ${VERB}(?: [^\\s;,()\`"]+)*(?=$|;)`, 'gm');

/** The text with the home behind every command that it suggests: who wrote it, a workflow or the library, may not have known of one. */
export const withHome = (text: string, homeOption: string): string => (homeOption === '' ? text : text.replace(COMMAND, (command) => (/ --home( |$)/.test(command) ? command : `${command}${homeOption}`)));

/** An output whose texts for people name the home in what they suggest. */
export const suggesting = (output: Output, homeOption: string): Output => ({
  ...output,
  say: (text) => output.say(withHome(text, homeOption)),
  note: (text) => output.note(withHome(text, homeOption)),
  fault: (text) => output.fault(withHome(text, homeOption)),
  redraw: ({ over, lines }) => output.redraw({ over, lines: lines.map((line) => withHome(line, homeOption)) }),
});
