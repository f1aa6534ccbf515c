/** To the nearest float16, ties to even. @param x in [0, 1] */
export function roundToHalf(x: number): number {
  // 10 bits of fraction; below 2^-14 the spacing stays that of the subnormals, 2^-24
  const spacing = 2 ** (Math.max(-14, Math.floor(Math.log2(x))) - 10);
  const steps = x / spacing;
  const down = Math.floor(steps);
  const rest = steps - down;
  const up = rest > 0.5 || (rest === 0.5 && down % 2 === 1);
  return (up ? down + 1 : down) * spacing;
}
