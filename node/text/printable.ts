/**
 * Makes text from elsewhere safe to write on a terminal. A file name, an error or a peer's id may
 * hold an escape sequence that clears the screen or types for the user, a bidirectional override
 * that shows `exe.txt` for `txt.exe`, or characters that cannot be seen at all. All of these
 * are shown as escapes such as `\x1b` and `\u{202e}`; every other character stays as it is.
 *
 * The result has no such character left, so passing it through again changes nothing: whoever
 * writes a line may call `printable` on it once more, whatever its callers did. That is also why a
 * backslash is not doubled.
 *
 * See Unicode Technical Report 36 (security considerations) and 9 (bidirectional algorithm).
 */

/**
 * Control (Cc), format (Cf, which has the bidirectional controls), lone surrogate (Cs), line and
 * paragraph separator, and all that Unicode lets a terminal draw as nothing.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const shortEscapes = new Map([["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"]]);

/** Returns `text` with each unsafe or invisible character shown as an escape. Always one line. */
export function printable(text: string): string {
  return text.replace(unprintable, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const short = shortEscapes.get(character);
  if (short !== undefined) return short;
  const hex = character.codePointAt(0)!.toString(16);
  return hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
}
