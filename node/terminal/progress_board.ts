/**
 * What a terminal shows of a running node: a progress line for every transfer and the prompt, at
 * the bottom and redrawn in place at most ten times a second, and above them, line by line, what
 * happened. Where there is no terminal only the lines of what happened are written.
 *
 * The board asks for the state of things when it draws, so that a transfer costs nothing in
 * between.
 */

import type { Clock } from "../../protocol/ports.ts";
import { printable } from "../text/printable.ts";
import { truncateToWidth } from "../text/width.ts";
import type { LineView } from "./line_view.ts";
import { LiveRegion, nothing, type Region } from "./live_region.ts";
import type { Screen } from "./ports.ts";
import type { TransferProgress } from "../traffic/transfer_progress.ts";
import { formatTransfers } from "./progress.ts";

const drawIntervalMs = 100;
/** More transfers than this are only counted, so that the log above stays in view. */
const transferLinesMax = 10;
/** A burst of lines is written at once when it has become this long, to bound the memory. */
const pendingLinesMax = 200;

/** Tells how far a transfer has come now. */
export type ReadProgress = () => TransferProgress;

/** The bottom of the screen, and everything that is printed above it. */
export class ProgressBoard implements Disposable {
  readonly #region: LiveRegion;
  readonly #transfers = new Set<ReadProgress>();
  /** Printed at the next drawing. */
  #pendingLines: string[] = [];
  #viewPrompt: ((columns: number) => LineView) | undefined;
  /** Ends the sleep of the drawing loop; undefined while it does not run. */
  #drawing: AbortController | undefined;
  readonly #stopWatchingSize: () => void;

  constructor(private readonly screen: Screen, private readonly clock: Clock) {
    this.#region = new LiveRegion(screen);
    this.#stopWatchingSize = screen.isTerminal ? screen.watchSize(() => this.#draw()) : () => {};
  }

  /** Prints one line above the bars. Unsafe characters, line ends too, are shown as escapes. */
  log(line: string): void {
    const safe = printable(line);
    if (!this.screen.isTerminal) return this.screen.write(`${safe}\n`);
    this.#pendingLines.push(safe);
    const isCalm = this.#drawing === undefined && this.#region.isEmpty;
    if (isCalm || this.#pendingLines.length >= pendingLinesMax) this.#draw();
    else this.#keepDrawing();
  }

  /** Takes bars and prompt away while `write` puts whole lines on the screen, as on standard error. */
  around(write: () => void): void {
    if (!this.#region.isEmpty) this.#region.draw(nothing, this.#takeLines());
    write();
    this.redraw();
  }

  /** Shows a transfer until the result is disposed. */
  track(read: ReadProgress): Disposable {
    if (this.screen.isTerminal) {
      this.#transfers.add(read);
      this.#keepDrawing();
    }
    return { [Symbol.dispose]: () => void this.#transfers.delete(read) };
  }

  /** Shows a line below the bars that `view` gives for the width of the screen. */
  showPrompt(view: (columns: number) => LineView): void {
    this.#viewPrompt = view;
    this.redraw();
  }

  /** Takes the prompt away again. */
  hidePrompt(): void {
    this.#viewPrompt = undefined;
    this.redraw();
  }

  /** Draws at once, for an answer to a key. */
  redraw(): void {
    if (this.screen.isTerminal) this.#draw();
  }

  /** Empties the screen but for bars and prompt. */
  clear(): void {
    if (this.screen.isTerminal) this.#region.clear();
  }

  /** Prints what is left to print and takes bars and prompt off the screen. */
  [Symbol.dispose](): void {
    this.#stopWatchingSize();
    this.#drawing?.abort();
    this.#drawing = undefined;
    this.#transfers.clear();
    this.#viewPrompt = undefined;
    this.redraw();
  }

  /** Draws now and then at intervals, as long as something moves. */
  async #keepDrawing(): Promise<void> {
    if (this.#drawing !== undefined) return;
    const drawing = new AbortController();
    this.#drawing = drawing;
    do {
      this.#draw();
      await this.clock.sleep(drawIntervalMs, drawing.signal);
      if (drawing.signal.aborted) return;
    } while (this.#transfers.size > 0 || this.#pendingLines.length > 0);
    this.#drawing = undefined;
    this.#draw();
  }

  #draw(): void {
    const lines = this.#takeLines();
    const region = this.#layOut();
    if (lines.length > 0 || region.lines.length > 0 || !this.#region.isEmpty) {
      this.#region.draw(region, lines);
    }
  }

  #takeLines(): string[] {
    const lines = this.#pendingLines;
    this.#pendingLines = [];
    return lines;
  }

  #layOut(): Region {
    const { columns, rows } = this.screen;
    const prompt = this.#viewPrompt?.(columns);
    const promptLines = prompt === undefined ? [] : [prompt.text];
    // One row stays free for the log, and one for the prompt.
    const linesMax = Math.max(0, Math.min(transferLinesMax, rows - 2));
    return {
      lines: [...this.#layOutTransfers(linesMax), ...promptLines],
      cursorColumn: prompt?.cursorColumn ?? 0,
    };
  }

  #layOutTransfers(linesMax: number): string[] {
    const { columns } = this.screen;
    const all = [...this.#transfers];
    if (all.length <= linesMax) return formatTransfers(all.map((read) => read()), columns);
    const shown = all.slice(0, Math.max(0, linesMax - 1));
    const rest = `and ${all.length - shown.length} more`;
    return [
      ...formatTransfers(shown.map((read) => read()), columns),
      ...(linesMax > 0 ? [truncateToWidth(rest, columns - 1)] : []),
    ];
  }
}
