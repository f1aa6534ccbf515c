/** What a card can do at most, in TFLOP/s, dense, at its boost clock, by its maker's data sheet. */
export interface Peak {
  /** float32 without tensor cores: what products have where TF32 is off */
  readonly float32: number;
  /** bfloat16 on tensor cores, sums in float32; null where the card has none */
  readonly bfloat16: number | null;
}

/** By the name that nvidia-smi gives; the first that fits counts, so that longer names stand first. */
const PEAKS: readonly (readonly [name: RegExp, peak: Peak])[] = [
  [/\bGH200\b/, { float32: 67, bfloat16: 990 }],
  [/\bH200 NVL\b/, { float32: 60, bfloat16: 835 }],
  [/\bH200\b/, { float32: 67, bfloat16: 989 }],
  [/\bH100 NVL\b/, { float32: 60, bfloat16: 835 }],
  [/\bH100 PCIe\b/, { float32: 51, bfloat16: 756 }],
  [/\bH100\b/, { float32: 67, bfloat16: 989 }],
  [/\bA100\b/, { float32: 19.5, bfloat16: 312 }],
  [/\bA40\b/, { float32: 37.4, bfloat16: 149.7 }],
  [/\bA30\b/, { float32: 10.3, bfloat16: 165 }],
  [/\bA10\b/, { float32: 31.2, bfloat16: 125 }],
  [/\bL40S\b/, { float32: 91.6, bfloat16: 362 }],
  [/\bL40\b/, { float32: 90.5, bfloat16: 181 }],
  [/\bL4\b/, { float32: 30.3, bfloat16: 121 }],
  [/\bV100-SXM/, { float32: 15.7, bfloat16: null }],
  [/\bV100\b/, { float32: 14, bfloat16: null }],
  [/\bT4\b/, { float32: 8.1, bfloat16: null }],
  [/\bRTX 4090\b/, { float32: 82.6, bfloat16: 165.2 }],
  [/\bRTX 3090\b/, { float32: 35.6, bfloat16: 71 }],
];

/** @returns undefined for a card that is not in the table, and for a part of one (MIG), whose peak is a part too */
export function peakOf(gpu: string): Peak | undefined {
  if (/\bMIG\b/.test(gpu)) return undefined;
  return PEAKS.find(([name]) => name.test(gpu))?.[1];
}
