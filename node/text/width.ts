/**
 * How many columns a text takes on a terminal, and cutting and padding by that measure. East Asian
 * and emoji characters take two columns, combining marks none, all others one (Unicode Standard
 * Annex 11, with the emoji that Unicode Technical Standard 51 shows in colour by default).
 *
 * Terminals differ where characters join to one picture (zero-width joiner sequences). `printable`
 * takes the joiners out, so that texts which passed it measure the same everywhere.
 */

/** The wide characters that are not emoji: [first, last] code points, ascending. */
const wideRanges: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f], // Hangul leading consonants
  [0x2329, 0x232a], // angle brackets
  [0x2630, 0x2637], // trigrams
  [0x268a, 0x268f], // monograms and digrams
  [0x2e80, 0x303e], // radicals, ideographic description and punctuation
  [0x3041, 0xa4cf], // kana, Hangul compatibility, ideographs, Yi
  [0xa960, 0xa97f], // Hangul leading consonants, extended
  [0xac00, 0xd7a3], // Hangul syllables
  [0xf900, 0xfaff], // compatibility ideographs
  [0xfe10, 0xfe19], // vertical forms
  [0xfe30, 0xfe6f], // compatibility and small forms
  [0xff01, 0xff60], // full-width forms
  [0xffe0, 0xffe6], // full-width signs
  [0x16fe0, 0x18dff], // Tangut, Nushu and Khitan
  [0x1aff0, 0x1b2ff], // kana, extended
  [0x1d300, 0x1d376], // Tai Xuan Jing symbols and counting rods
  [0x1f200, 0x1f265], // enclosed ideographs
  [0x20000, 0x3fffd], // ideographs, extensions
];

// deno-lint-ignore no-control-regex
const asciiOnly = /^[\x00-\x7f]*$/;
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}\u{1160}-\u{11ff}]$/u;
const emojiWide = /^(?!\p{Regional_Indicator})\p{Emoji_Presentation}$/u;

/** Columns that `text` takes. Control characters count as none: pass text through `printable`. */
export function displayWidth(text: string): number {
  // deno-lint-ignore no-control-regex
  if (asciiOnly.test(text)) return text.replace(/[\x00-\x1f\x7f]/g, "").length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): 0 | 1 | 2 {
  const codePoint = character.codePointAt(0)!;
  if (codePoint >= 0x20 && codePoint < 0x7f) return 1;
  if (zeroWidth.test(character)) return 0;
  if (codePoint < 0x1100) return 1;
  return isWide(codePoint) || emojiWide.test(character) ? 2 : 1;
}

function isWide(codePoint: number): boolean {
  let low = 0;
  let high = wideRanges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [first, last] = wideRanges[middle]!;
    if (codePoint < first) high = middle - 1;
    else if (codePoint > last) low = middle + 1;
    else return true;
  }
  return false;
}

/**
 * Returns `text` if it fits into `columns`, else as much of its beginning as fits with a `…` behind
 * it. The result may be a column short where a two-column character does not fit.
 */
export function truncateToWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  if (columns <= 0) return "";
  let kept = "";
  let width = 0;
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Returns `text` with blanks behind it up to `columns`; a wider text stays as it is. */
export function padEndToWidth(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - displayWidth(text)));
}

/** Returns `text` with blanks before it up to `columns`; a wider text stays as it is. */
export function padStartToWidth(text: string, columns: number): string {
  return " ".repeat(Math.max(0, columns - displayWidth(text))) + text;
}
