import { expect, test } from 'vitest';
import { throughput, type ThroughputData } from '../../bench/benches/throughput.js';
import { peakOf } from '../../bench/gpu-peaks.js';

const data = (gpu: string | null): ThroughputData => ({ gpu, cases: [{ model: 'x', label: 'x', tokensPerStep: 16_384, flopsPerToken: 1e9, milliseconds: [1_000, 500, 400] }] });

test('tokens/s and shares of the peak follow from the median step', () => {
  const [h100] = throughput.tables(data('NVIDIA H100 80GB HBM3'));
  // 16,384 tokens in 0.5 s, of 1 GFLOP each: 32.768 TFLOP/s, of 67 and of 989
  expect(h100.rows).toEqual([['x', '400.0 / 500.0', '32,768', '32.77', '48.9%', '3.3%']]);
  expect(h100.caption).toContain('NVIDIA H100 80GB HBM3: 67 TFLOP/s in float32 without tensor cores, 989 in bfloat16');
  const [t4] = throughput.tables(data('Tesla T4'));
  expect(t4.rows[0].slice(-2)).toEqual(['404.5%', '']);
  for (const [gpu, words] of [[null, 'on the CPU'], ['NVIDIA Unheard-of 9000', 'not in the table']] as const) {
    const [table] = throughput.tables(data(gpu));
    expect(table.caption).toContain(words);
    expect(table.rows[0].slice(2)).toEqual(['32,768', '32.77', '', '']);
  }
});

test('cards are told apart by the name that nvidia-smi gives; a part of a card has no peak', () => {
  const float32 = (gpu: string): number | undefined => peakOf(gpu)?.float32;
  const names = ['NVIDIA H100 80GB HBM3', 'NVIDIA H100 PCIe', 'NVIDIA H100 NVL', 'NVIDIA H200', 'NVIDIA GH200 480GB', 'NVIDIA A100-SXM4-40GB', 'NVIDIA A10G', 'NVIDIA A10', 'NVIDIA L4', 'NVIDIA L40S', 'Tesla V100-SXM2-16GB', 'NVIDIA GeForce RTX 4090'];
  expect(names.map(float32)).toEqual([67, 51, 60, 67, 67, 19.5, undefined, 31.2, 30.3, 91.6, 15.7, 82.6]);
  expect(peakOf('NVIDIA H100 80GB HBM3, MIG 1g.10gb')).toBeUndefined();
});
