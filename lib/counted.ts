/** A number with its noun: `1 stage`, `2 stages`, `0 stages`. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
