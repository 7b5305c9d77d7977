/** Says how many there are of something. */

/** `1 file`, `2 files`: the number with its noun, which makes its plural with an s. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
