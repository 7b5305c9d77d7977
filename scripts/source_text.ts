/**
 * A scanner that separates the code of a TypeScript file from its comments and strings.
 *
 * The layout rules look for names such as `setTimeout` and for import specifiers. Both must be found in
 * code only, never in a comment or in the text of an error message, so the scanner blanks everything
 * else and remembers what each string said. It knows templates with nested code and regular expressions.
 * It is no parser: where `/` may be a division or a regular expression it looks at the token before, as
 * editors do, which is right for all but contrived code.
 */

/** A file's text with comments, strings and regular expressions blanked out. */
export interface SourceText {
  /** As long as the file, the same line breaks, quotes kept, all that is not code replaced by spaces. */
  readonly code: string;
  /** What each string without interpolation says, by the index of its opening quote in `code`. */
  readonly strings: ReadonlyMap<number, string>;
}

const KEYWORDS_BEFORE_EXPRESSION = new Set(
  "return typeof case in of delete void throw new else do yield await instanceof".split(" "),
);

/** Separates code from comments and strings. Never throws: text that is not TypeScript gives some answer. */
export function readSource(text: string): SourceText {
  return new Scanner(text).scan();
}

/** The line, counted from 1, that the character at `index` stands on. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < index; at = text.indexOf("\n", at + 1)) {
    line++;
  }
  return line;
}

class Scanner {
  readonly #text: string;
  readonly #code: string[];
  readonly #strings = new Map<number, string>();
  /** For each template that is open around the current code: how many `{` are open inside of its `${`. */
  readonly #templates: number[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#code = text.split("");
  }

  scan(): SourceText {
    while (this.#at < this.#text.length) this.#token();
    return { code: this.#code.join(""), strings: this.#strings };
  }

  #token(): void {
    const char = this.#text[this.#at]!;
    if (this.#text.startsWith("//", this.#at)) return this.#blankTo(this.#indexOf("\n", this.#at));
    if (this.#text.startsWith("/*", this.#at)) {
      return this.#blankTo(this.#indexOf("*/", this.#at + 2) + 2);
    }
    if (char === '"' || char === "'") return this.#string(char);
    if (char === "`") return this.#template();
    if (char === "/" && this.#expressionMayStart()) return this.#regularExpression();
    if (this.#templates.length > 0) {
      const depth = this.#templates.length - 1;
      if (char === "{") this.#templates[depth]!++;
      if (char === "}" && this.#templates[depth]!-- === 0) {
        this.#templates.pop();
        return this.#template();
      }
    }
    this.#at++;
  }

  #string(quote: string): void {
    const start = this.#at;
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== quote && this.#text[end] !== "\n") {
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#strings.set(start, this.#text.slice(start + 1, end));
    this.#at = start + 1;
    this.#blankTo(end);
    this.#at++;
  }

  /** Reads from a backtick, or from the `}` that ends an interpolation, to the next `${` or the end. */
  #template(): void {
    const start = this.#at;
    let end = start + 1;
    while (
      end < this.#text.length && this.#text[end] !== "`" && !this.#text.startsWith("${", end)
    ) {
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    const isWhole = this.#text[start] === "`" && this.#text[end] === "`";
    if (isWhole) this.#strings.set(start, this.#text.slice(start + 1, end));
    this.#at = start + 1;
    if (this.#text[end] === "$") {
      this.#blankTo(end + 1);
      this.#templates.push(0);
    } else {
      this.#blankTo(end);
    }
    this.#at++;
  }

  #regularExpression(): void {
    let end = this.#at + 1;
    let inClass = false;
    while (end < this.#text.length && this.#text[end] !== "\n") {
      const char = this.#text[end];
      if (char === "/" && !inClass) break;
      if (char === "[") inClass = true;
      if (char === "]") inClass = false;
      end += char === "\\" ? 2 : 1;
    }
    this.#blankTo(end + 1);
  }

  /** Whether a `/` at the current place starts a regular expression: not so after a value. */
  #expressionMayStart(): boolean {
    let last = this.#at - 1;
    while (last >= 0 && /\s/.test(this.#code[last]!)) last--;
    if (last < 0) return true;
    if (/[)\]}"'`]/.test(this.#code[last]!)) return false;
    let first = last;
    while (first >= 0 && /[\w$]/.test(this.#code[first]!)) first--;
    if (first === last) return true;
    return KEYWORDS_BEFORE_EXPRESSION.has(this.#code.slice(first + 1, last + 1).join(""));
  }

  #blankTo(end: number): void {
    const stop = Math.min(end, this.#text.length);
    for (; this.#at < stop; this.#at++) {
      if (this.#text[this.#at] !== "\n") this.#code[this.#at] = " ";
    }
  }

  #indexOf(what: string, from: number): number {
    const index = this.#text.indexOf(what, from);
    return index === -1 ? this.#text.length : index;
  }
}
