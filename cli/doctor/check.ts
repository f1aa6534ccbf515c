/** One line of `bliss doctor`. */
export interface Check {
  readonly name: string;
  /** `warning`: a run goes, but not as well as it could */
  readonly state: 'ok' | 'warning' | 'missing';
  readonly found: string;
  readonly fix?: string;
}

export type Outcome = Omit<Check, 'name'>;

export const ok = (found: string): Outcome => ({ state: 'ok', found });
export const missing = (found: string, fix: string): Outcome => ({ state: 'missing', found, fix });
export const warning = (found: string, fix: string): Outcome => ({ state: 'warning', found, fix });
