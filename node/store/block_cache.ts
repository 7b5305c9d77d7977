/**
 * Keeps the blocks that are asked for most in memory, so that many leechers of one file cost one
 * read of the disk, and one scan of a big file does not push out what everybody wants.
 *
 * The policy is S3-FIFO (J. Yang and others, "FIFO queues are all you need for cache eviction",
 * SOSP 2023) by bytes. A new block enters a small queue. If it was asked for again before it came
 * to that queue's end it moves to the main queue, else it goes, and only its name stays for a while
 * in a list of ghosts; a block whose name is found there when it is read again starts in the main
 * queue. At the end of the main queue a block is put back as often as it was asked for, three times
 * at most. A scan thus passes through the small queue alone. A hit costs one addition and moves
 * nothing.
 *
 * W-TinyLFU, the usual choice, was tried and keeps no more under skewed requests with a scan. In a
 * swarm it fails: the file of the hour cannot get past the counts that the files before it left.
 */

import { type Queued, SizedQueue } from "./sized_queue.ts";

/** Part of the capacity for blocks that nobody has asked for again yet. */
const smallShare = 0.2;
/** How often a block at the end of the main queue is put back at most. */
const usesMax = 3;
/** So that a cache of few, large blocks still remembers some of what it dropped. */
const ghostsMin = 64;
/** Memory that a held block takes beside its bytes, so that many tiny ones are bounded as well. */
const bookkeepingSize = 256;

/** What a cache did so far, and what it holds now. */
export interface BlockCacheStats {
  /** Requests answered from memory. */
  readonly hits: number;
  /** Requests that waited for a read that another request had started. */
  readonly joined: number;
  /** Requests that started a read. */
  readonly misses: number;
  /** Blocks that were held and gave way to others; invalidated ones do not count. */
  readonly evictions: number;
  /** Bytes of memory held, bookkeeping included; never over the capacity. */
  readonly bytes: number;
  /** Blocks held. */
  readonly count: number;
}

/** A block held in memory. */
interface CachedBlock extends Queued<CachedBlock> {
  readonly file: CachedFile;
  readonly index: number;
  readonly bytes: Uint8Array;
  /** Hits since it came into its queue or was last put back, at most `usesMax`. */
  uses: number;
  queue: SizedQueue<CachedBlock>;
}

/** What is known of one file: held blocks and running reads, both by block index. */
interface CachedFile {
  readonly id: string;
  readonly blocks: Map<number, CachedBlock>;
  readonly reads: Map<number, Promise<Uint8Array>>;
}

/** A cache of file blocks, bounded in bytes. */
export class BlockCache {
  readonly #files = new Map<string, CachedFile>();
  readonly #small = new SizedQueue<CachedBlock>();
  readonly #main = new SizedQueue<CachedBlock>();
  #youngGhosts = new Set<string>();
  #oldGhosts = new Set<string>();
  #hits = 0;
  #joined = 0;
  #misses = 0;
  #evictions = 0;

  /** @param capacity bytes to hold at most; 0 turns the cache off, so that every request is read. */
  constructor(readonly capacity: number) {}

  /**
   * Returns the bytes of block `index` of the file with this id: at once when they are held, else
   * through `read`. Requests for a block that is being read wait for that read; when it fails, all
   * of them reject and nothing is kept.
   *
   * The bytes are shared with every other requester: nobody may change them, and `read` must give
   * them away for good. With capacity 0 they belong to the caller alone.
   */
  get(
    file: string,
    index: number,
    read: () => Promise<Uint8Array>,
  ): Uint8Array | Promise<Uint8Array> {
    if (this.capacity === 0) {
      this.#misses++;
      return read();
    }
    const known = this.#files.get(file) ?? this.#addFile(file);
    const block = known.blocks.get(index);
    if (block !== undefined) {
      this.#hits++;
      if (block.uses < usesMax) block.uses++;
      return block.bytes;
    }
    const running = known.reads.get(index);
    if (running !== undefined) {
      this.#joined++;
      return running;
    }
    this.#misses++;
    const reading = this.#read(known, index, read);
    known.reads.set(index, reading);
    return reading;
  }

  /** Forgets all blocks of a file, those being read included: its bytes on disk have changed. */
  invalidate(file: string): void {
    const known = this.#files.get(file);
    if (known === undefined) return;
    this.#files.delete(file);
    for (const block of known.blocks.values()) block.queue.remove(block);
  }

  /** Counters since the start, and what is held now. */
  get stats(): BlockCacheStats {
    return {
      hits: this.#hits,
      joined: this.#joined,
      misses: this.#misses,
      evictions: this.#evictions,
      bytes: this.#small.size + this.#main.size,
      count: this.#small.count + this.#main.count,
    };
  }

  #addFile(id: string): CachedFile {
    const file = { id, blocks: new Map(), reads: new Map() };
    this.#files.set(id, file);
    return file;
  }

  async #read(
    file: CachedFile,
    index: number,
    read: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    try {
      const bytes = await read();
      // A file that was invalidated in the meantime is another object now, or none.
      if (this.#files.get(file.id) === file) this.#insert(file, index, bytes);
      return bytes;
    } finally {
      file.reads.delete(index);
      this.#dropIfEmpty(file);
    }
  }

  #insert(file: CachedFile, index: number, bytes: Uint8Array): void {
    // A view keeps the whole buffer below it alive.
    const size = bytes.buffer.byteLength + bookkeepingSize;
    if (size > this.capacity) return;
    while (this.#small.size + this.#main.size + size > this.capacity) this.#makeRoom();
    const queue = this.#isGhost(file, index) ? this.#main : this.#small;
    const links = { newer: undefined, older: undefined };
    const block: CachedBlock = { file, index, bytes, size, uses: 0, queue, ...links };
    file.blocks.set(index, block);
    queue.add(block);
  }

  /** Takes one step towards more room: drops a block, or moves one that is still wanted. */
  #makeRoom(): void {
    const small = this.#small.oldest;
    const main = this.#main.oldest;
    const smallIsFull = this.#small.size >= this.capacity * smallShare;
    if (small !== undefined && (smallIsFull || main === undefined)) {
      if (small.uses > 0) this.#moveToMain(small, 0);
      else {
        this.#evict(small);
        this.#remember(small);
      }
    } else if (main !== undefined) {
      if (main.uses > 0) this.#moveToMain(main, main.uses - 1);
      else this.#evict(main);
    }
  }

  #moveToMain(block: CachedBlock, uses: number): void {
    block.queue.remove(block);
    block.uses = uses;
    block.queue = this.#main;
    this.#main.add(block);
  }

  #evict(block: CachedBlock): void {
    this.#evictions++;
    block.queue.remove(block);
    block.file.blocks.delete(block.index);
    this.#dropIfEmpty(block.file);
  }

  /** Two generations of ghosts, so that old ones are forgotten without looking for the oldest. */
  #remember({ file, index }: CachedBlock): void {
    this.#youngGhosts.add(ghostName(file, index));
    if (this.#youngGhosts.size < Math.max(ghostsMin, this.#small.count + this.#main.count)) return;
    this.#oldGhosts = this.#youngGhosts;
    this.#youngGhosts = new Set();
  }

  #isGhost(file: CachedFile, index: number): boolean {
    const name = ghostName(file, index);
    return this.#youngGhosts.has(name) || this.#oldGhosts.has(name);
  }

  #dropIfEmpty(file: CachedFile): void {
    if (file.blocks.size > 0 || file.reads.size > 0) return;
    if (this.#files.get(file.id) === file) this.#files.delete(file.id);
  }
}

function ghostName(file: CachedFile, index: number): string {
  return `${file.id}:${index}`;
}
