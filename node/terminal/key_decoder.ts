/**
 * Turns the bytes that a terminal sends into keys: UTF-8 text, control characters, the escape
 * sequences of arrows and the like (ECMA-48 control sequences, with xterm's modifiers), and
 * bracketed pastes. Bytes may be split anywhere. An unknown sequence is skipped whole, so that its
 * rest is not taken for text.
 */

/** The keys that do something in a line editor. */
export type KeyName =
  | "enter"
  | "tab"
  | "backspace"
  | "delete"
  | "left"
  | "right"
  | "wordLeft"
  | "wordRight"
  | "home"
  | "end"
  | "up"
  | "down"
  | "killToEnd"
  | "killToStart"
  | "killWord"
  | "clearScreen"
  | "interrupt"
  | "endOfInput";

/** Text that was typed or pasted, without control characters, or a key. */
export type Key = { readonly text: string } | { readonly name: KeyName };

const controlKeys = new Map<string, KeyName>([
  ["\x01", "home"],
  ["\x02", "left"],
  ["\x03", "interrupt"],
  ["\x04", "endOfInput"],
  ["\x05", "end"],
  ["\x06", "right"],
  ["\x08", "backspace"],
  ["\t", "tab"],
  ["\n", "enter"],
  ["\x0b", "killToEnd"],
  ["\x0c", "clearScreen"],
  ["\r", "enter"],
  ["\x0e", "down"],
  ["\x10", "up"],
  ["\x15", "killToStart"],
  ["\x17", "killWord"],
  ["\x7f", "backspace"],
]);

/** By what stands behind `ESC`. */
const escapeKeys = new Map<string, KeyName>([
  ["[A", "up"],
  ["[B", "down"],
  ["[C", "right"],
  ["[D", "left"],
  ["[H", "home"],
  ["[F", "end"],
  ["OA", "up"],
  ["OB", "down"],
  ["OC", "right"],
  ["OD", "left"],
  ["OH", "home"],
  ["OF", "end"],
  ["[1~", "home"],
  ["[7~", "home"],
  ["[4~", "end"],
  ["[8~", "end"],
  ["[3~", "delete"],
  ["[1;5C", "wordRight"],
  ["[1;3C", "wordRight"],
  ["[1;5D", "wordLeft"],
  ["[1;3D", "wordLeft"],
  ["f", "wordRight"],
  ["b", "wordLeft"],
  ["\x7f", "killWord"],
]);

const pasteStart = "[200~";
const pasteEnd = "\x1b[201~";

/** A complete sequence behind `ESC`: a control sequence, a single shift, or one character. */
// deno-lint-ignore no-control-regex
const completeEscape = /^(?:\[[0-?]*[ -/]*[@-~]|O[ -~]|[^\x00-\x1f[O])/;
/** As much behind `ESC` as may be the beginning of a sequence. */
const begunEscape = /^(?:\[[0-?]*[ -/]*|O)?/;
/** Longer than any sequence that a terminal sends; what is longer is dropped. */
const escapeLengthMax = 32;

// deno-lint-ignore no-control-regex
const plainText = /^[^\x00-\x1f\x7f]+/;
// deno-lint-ignore no-control-regex
const controls = /[\x00-\x1f\x7f]+/g;

/** Decodes what a terminal in raw mode sends. Reading needs no clock: a lone `ESC` waits for more. */
export class KeyDecoder {
  readonly #utf8 = new TextDecoder();
  /** Text that was received and is not a whole key yet. */
  #pending = "";
  #pasting = false;
  #afterCarriageReturn = false;

  /** Returns the keys that `bytes` completed. */
  decode(bytes: Uint8Array): Key[] {
    this.#pending += this.#utf8.decode(bytes, { stream: true });
    const keys: Key[] = [];
    while (this.#pending !== "") {
      const before = this.#pending;
      const key = this.#pasting ? this.#takePaste() : this.#takeKey();
      if (key !== undefined) keys.push(key);
      else if (this.#pending === before) break;
    }
    return keys;
  }

  /** Takes the next key off what is pending; nothing where the key is incomplete or means nothing. */
  #takeKey(): Key | undefined {
    const text = plainText.exec(this.#pending)?.[0];
    if (text !== undefined) {
      this.#afterCarriageReturn = false;
      this.#take(text.length);
      return { text };
    }
    if (this.#pending.startsWith("\x1b")) return this.#takeEscape();
    const control = this.#take(1);
    // Where both are sent for one line end, the second one is no key.
    const isSecondHalf = control === "\n" && this.#afterCarriageReturn;
    this.#afterCarriageReturn = control === "\r";
    const name = isSecondHalf ? undefined : controlKeys.get(control);
    return name === undefined ? undefined : { name };
  }

  #takeEscape(): Key | undefined {
    const behind = this.#pending.slice(1);
    const sequence = completeEscape.exec(behind)?.[0];
    if (sequence === undefined) {
      const begun = begunEscape.exec(behind)![0];
      const mayBeContinued = begun === behind && begun.length < escapeLengthMax;
      if (!mayBeContinued) this.#take(1 + begun.length);
      return undefined;
    }
    this.#take(1 + sequence.length);
    if (sequence === pasteStart) this.#pasting = true;
    const name = escapeKeys.get(sequence);
    return name === undefined ? undefined : { name };
  }

  /**
   * Takes pasted text, up to the end mark if it is there. Line ends and other controls become
   * blanks: nothing that is pasted is carried out before the user presses Enter. Ctrl-C ends a
   * paste whose end mark was lost.
   */
  #takePaste(): Key | undefined {
    const end = this.#pending.indexOf(pasteEnd);
    const interrupt = this.#pending.indexOf("\x03");
    if (interrupt !== -1 && (end === -1 || interrupt < end)) {
      this.#pasting = false;
      return pasted(this.#take(interrupt));
    }
    if (end === -1) return pasted(this.#take(this.#pending.length - endMarkBegun(this.#pending)));
    this.#pasting = false;
    const text = this.#take(end);
    this.#take(pasteEnd.length);
    return pasted(text);
  }

  #take(length: number): string {
    const taken = this.#pending.slice(0, length);
    this.#pending = this.#pending.slice(length);
    return taken;
  }
}

function pasted(text: string): Key | undefined {
  const safe = text.replace(controls, " ");
  return safe === "" ? undefined : { text: safe };
}

/** How many characters at the end of `text` may be the beginning of the mark that ends a paste. */
function endMarkBegun(text: string): number {
  for (let length = pasteEnd.length - 1; length > 0; length--) {
    if (text.endsWith(pasteEnd.slice(0, length))) return length;
  }
  return 0;
}
