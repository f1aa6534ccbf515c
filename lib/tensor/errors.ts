/** A mistake in a step function or in how a program is called: a fault of code, never of a user's input. */
export class ProgramError extends Error {
  constructor(
    /** program, entry, and what of it: `bilevel.innerStep: input 'ids'` */
    readonly where: string,
    /** what was wrong, what was expected */
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${where}: ${problem}`, options);
    this.name = 'ProgramError';
  }
}
