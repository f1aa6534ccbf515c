import type { LlamaConfig } from '../../lib/models/index.js';

/**
 * LLaMA once more, after the paper and transformers' `modeling_llama.py`, in float64: position by position, head by head, keys repeated for
 * the queries that share them. Nothing is shared with lib/models but the checkpoint's names.
 */
export type Weights64 = Readonly<Record<string, ArrayLike<number>>>;

export interface Reference {
  readonly config: LlamaConfig;
  readonly weights: Weights64;
  readonly ids: readonly number[];
  readonly causal: boolean;
}

/** W x. @param W [out, in], flat @param x [in] */
function times(W: ArrayLike<number>, x: ArrayLike<number>): Float64Array {
  const width = x.length;
  const y = new Float64Array(W.length / width);
  for (let o = 0; o < y.length; o++) {
    let total = 0;
    for (let i = 0; i < width; i++) total += W[o * width + i] * x[i];
    y[o] = total;
  }
  return y;
}

function rms(x: Float64Array, gain: ArrayLike<number>, epsilon: number): Float64Array {
  let squares = 0;
  for (const value of x) squares += value * value;
  const scale = 1 / Math.sqrt(squares / x.length + epsilon);
  return x.map((value, i) => gain[i] * (value * scale));
}

/** `x cos + rotate_half(x) sin` at a position */
function rope(x: Float64Array, position: number, base: number): Float64Array {
  const h = x.length;
  return x.map((value, i) => {
    const angle = position * base ** (-(2 * (i % (h / 2))) / h);
    const turned = i < h / 2 ? -x[i + h / 2] : x[i - h / 2];
    return value * Math.cos(angle) + turned * Math.sin(angle);
  });
}

/** After the final norm, one vector a position of one row. */
export function hidden64({ config, weights, ids, causal }: Reference): Float64Array[] {
  const { layers, width, heads, keyValueHeads, rotaryBase, rmsNormEpsilon } = config;
  const h = width / heads;
  const embedding = weights['model.embed_tokens.weight'];
  let states = ids.map((id) => Float64Array.from({ length: width }, (_, i) => embedding[id * width + i]));
  for (let layer = 0; layer < layers; layer++) {
    const of = (name: string): ArrayLike<number> => weights[`model.layers.${layer}.${name}.weight`];
    const normed = states.map((x) => rms(x, of('input_layernorm'), rmsNormEpsilon));
    const headsOf = (name: string): Float64Array[][] => normed.map((x) => pieces(times(of(`self_attn.${name}`), x), h));
    const queries = headsOf('q_proj').map((row, t) => row.map((q) => rope(q, t, rotaryBase)));
    const keys = headsOf('k_proj').map((row, t) => row.map((k) => rope(k, t, rotaryBase)));
    const values = headsOf('v_proj');
    states = states.map((x, t) => {
      const attended = new Float64Array(width);
      for (let head = 0; head < heads; head++) {
        const shared = Math.floor(head / (heads / keyValueHeads)); // repeat_kv: each key head stands heads/keyValueHeads times in a row
        const seen = causal ? t + 1 : ids.length;
        const scores = Array.from({ length: seen }, (_, s) => dot(queries[t][head], keys[s][shared]) / Math.sqrt(h));
        const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
        const total = powers.reduce((a, b) => a + b);
        for (let s = 0; s < seen; s++) for (let i = 0; i < h; i++) attended[head * h + i] += (powers[s] / total) * values[s][shared][i];
      }
      const out = times(of('self_attn.o_proj'), attended);
      return x.map((value, i) => value + out[i]);
    });
    states = states.map((x) => {
      const y = rms(x, of('post_attention_layernorm'), rmsNormEpsilon);
      const [gate, up] = [times(of('mlp.gate_proj'), y), times(of('mlp.up_proj'), y)];
      const down = times(of('mlp.down_proj'), gate.map((g, i) => (g / (1 + Math.exp(-g))) * up[i]));
      return x.map((value, i) => value + down[i]);
    });
  }
  return states.map((x) => rms(x, weights['model.norm.weight'], rmsNormEpsilon));
}

/** One vector of V logits a position of one row. */
export function logits64(input: Reference): Float64Array[] {
  const output = input.weights[input.config.tieEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight'];
  return hidden64(input).map((x) => times(output, x));
}

export function logSoftmax64(row: Float64Array): Float64Array {
  const max = Math.max(...row);
  const sum = max + Math.log(row.reduce((total, x) => total + Math.exp(x - max), 0));
  return row.map((x) => x - sum);
}

/** L of one row: the mean over its predictions of −log p(next token) */
export function loss64(input: Reference): number {
  const logP = logits64(input).map(logSoftmax64);
  return input.ids.slice(1).reduce((sum, next, t) => sum - logP[t][next], 0) / (input.ids.length - 1);
}

/** f(ξ) of the score model, before the sigmoid */
export function scoreLogit64(input: Omit<Reference, 'causal'>): number {
  const states = hidden64({ ...input, causal: false });
  const { 'head.weight': head, 'head.bias': bias } = input.weights;
  return states.reduce((sum, x) => sum + dot(x, head), 0) / states.length + bias[0];
}

const pieces = (x: Float64Array, size: number): Float64Array[] => Array.from({ length: x.length / size }, (_, i) => x.slice(i * size, (i + 1) * size));
function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}
