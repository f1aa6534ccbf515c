/** What a step is asked to compute with, and where the shared weights and data lie. */
export interface SubjectInput<Spec> {
  /** weights and batches are written here, for the other side to read */
  readonly folder: string;
  readonly spec: Spec;
}

/** Something that can be repeated and timed: one step of it gives numbers that the other side must give too. */
export interface Subject {
  step(): Readonly<Record<string, number>>;
}
