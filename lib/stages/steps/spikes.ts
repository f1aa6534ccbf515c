export interface SpikeSettings {
  /** steps whose losses a loss is held against */
  readonly window: number;
  /** standard deviations above their mean from which on a loss is a spike */
  readonly deviations: number;
}

/**
 * Tells a loss that leaps out of those before it: above their mean and so many of their standard deviations, as OLMo-core and
 * Levanter skip steps. One-sided, as a loss that falls is none, and by the spread of the losses themselves, so that it fits
 * losses of any scale and noise. Spikes never enter the window, so that one does not hide the next.
 *
 * A pure function of the losses it was given: fed with those of a checkpoint, it judges as one that saw them come.
 * @see https://github.com/allenai/OLMo-core/blob/main/src/olmo_core/optim/skip_step_optimizer.py
 */
export class SpikeDetector {
  private readonly seen: number[] = [];

  constructor(private readonly settings: SpikeSettings) {}

  /** The loss above which the next one is a spike; undefined until half a window is seen: a few losses have no spread to speak of. */
  get limit(): number | undefined {
    const { seen } = this;
    const count = seen.length;
    if (count < Math.max(2, this.settings.window / 2)) return undefined;
    // summed anew each time, in order: running sums would depend on where a resumed stage began
    const mean = seen.reduce((sum, loss) => sum + loss, 0) / count;
    const variance = seen.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / (count - 1);
    return mean + this.settings.deviations * Math.sqrt(variance);
  }

  /** A loss of a step that counts. */
  add(loss: number): void {
    this.seen.push(loss);
    if (this.seen.length > this.settings.window) this.seen.shift();
  }
}
