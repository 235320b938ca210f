/** `count` items from `begin` on; past the end the last one once more, whose results nobody reads. */
export const filled = <T>(items: readonly T[], count: number, begin = 0): T[] =>
  Array.from({ length: count }, (_, n) => items[Math.min(begin + n, items.length - 1)]!);
