/** How far a transfer has come: what those who fetch tell, and those who draw lines and bars show. */

/** One transfer at one moment. Sizes are in bytes. */
export interface TransferProgress {
  /** The file's name, as it came from elsewhere. */
  readonly name: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly bytesPerSecond: number;
  /** Peers that blocks come from now. */
  readonly peers: number;
  /** Blocks that were refused because their hash or signature was wrong. */
  readonly badBlocks: number;
  /** What is said in the place of the number of peers. */
  readonly note?: string;
}
