/**
 * What TensorFlow's libraries say on standard error while they are being loaded: abseil writes it there whatever TF_CPP_MIN_LOG_LEVEL says, as that
 * is read later. Here the setting holds for it too. This file must not import TensorFlow.
 */

/** TensorFlow's levels: 1 hides information, 2 warnings, 3 errors */
const DEFAULT_LEVEL = 2;
/** without it every line is that of a severity that is shown */
const SEVERITY = /^(?:([IWEF])\d{4} \d\d:\d\d:\d+\.\d+\s+\d+ [^\s\]]+:\d+\] |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: ([IWEF]) )/;
const ABOUT_THE_LOG = /^WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR\s*$/;
/** the second line of what is said of the processor */
const OF_THE_PROCESSOR = /^To enable the following instructions: .* rebuild TensorFlow with the appropriate compiler flags\.\s*$/;
/** an error by its letter alone: CUDA's libraries are registered by two parts, and the second one says so */
const REGISTERED_TWICE = /Unable to register cu\w+ factory: Attempting to register factory for plugin \w+ when one has already been registered/;

export interface Greetings {
  /** TF_CPP_MIN_LOG_LEVEL in it: who asks for more than errors gets all of it */
  readonly environment?: Readonly<NodeJS.ProcessEnv>;
}

export function isGreeting(line: string, { environment = process.env }: Greetings = {}): boolean {
  const said = environment['TF_CPP_MIN_LOG_LEVEL'];
  const level = said === undefined || said === '' ? DEFAULT_LEVEL : Number(said);
  if (!(level >= 1)) return false;
  if (ABOUT_THE_LOG.test(line) || OF_THE_PROCESSOR.test(line)) return true;
  const [, ofAbseil, ofTensorFlow] = SEVERITY.exec(line) ?? [];
  const severity = ofAbseil ?? ofTensorFlow;
  return severity === 'I' || (level >= DEFAULT_LEVEL && (severity === 'W' || (severity === 'E' && REGISTERED_TWICE.test(line))));
}

/** Takes a process's standard error as it comes and hands on its whole lines without the greetings; `end` what is left of the last one. */
export function withoutGreetings(handOn: (text: string) => void, greetings: Greetings = {}): { write(part: string): void; end(): void } {
  let rest = '';
  const pass = (lines: readonly string[]): void => {
    const kept = lines.filter((line) => !isGreeting(line.replace(/\n$/, ''), greetings)).join('');
    if (kept !== '') handOn(kept);
  };
  return {
    write: (part) => {
      const lines = (rest + part).split(/(?<=\n)/);
      rest = lines.at(-1)?.endsWith('\n') === false ? (lines.pop() ?? '') : '';
      pass(lines);
    },
    end: () => {
      pass([rest]);
      rest = '';
    },
  };
}
