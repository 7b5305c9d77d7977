/** Small helpers on byte arrays: hexadecimal, comparison, and a key for maps. */

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** The bytes that `text` names. Throws when it is no hexadecimal. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromHex(text);
  } catch {
    throw new Error(`Cannot read "${text}": it is not hexadecimal`);
  }
}

/** Whether both hold the same bytes. Not constant in time: never for secrets. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}
