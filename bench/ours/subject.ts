/** What a step is asked to compute with, and where the shared weights and data lie. */
export interface SubjectInput<Spec> {
  /** weights and batches are written here, for the other side to read */
  readonly folder: string;
  readonly spec: Spec;
}

/** One step's numbers, by name: those that the other side must give too, or what was measured. */
export type StepNumbers = Readonly<Record<string, number>>;

/** Something that can be repeated and timed. */
export interface Subject {
  step(): StepNumbers | Promise<StepNumbers>;
}
