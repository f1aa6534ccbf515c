/** How long a loop of steps waited for its data. What the clock says is told, and is no part of any result. */
export interface DataWait {
  readonly seconds: number;
  /** seconds since the loop first asked for data: what the wait is a share of */
  readonly of: number;
}

/** Adds up what a loop waits for its data, from its first batch on. */
export class WaitClock {
  #began: number | undefined;
  #waited = 0;

  /** Waits for `data` and counts the time. */
  async during<T>(data: () => T | Promise<T>): Promise<T> {
    const started = performance.now();
    this.#began ??= started;
    try {
      return await data();
    } finally {
      this.#waited += performance.now() - started;
    }
  }

  get wait(): DataWait {
    return { seconds: this.#waited / 1000, of: this.#began === undefined ? 0 : (performance.now() - this.#began) / 1000 };
  }
}
