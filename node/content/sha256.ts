/**
 * SHA-256 (FIPS 180-4) of exactly one pair of digests: the inner nodes of a hash tree.
 *
 * Leaves are hashed by node:crypto, which is faster than anything written in JavaScript as long as there
 * are kilobytes to hash. For the 64 bytes of an inner node the call and its result cost more than the
 * hashing, and half of the work is the padding block, which is always the same: 512 bits of message mean
 * that its schedule can be computed once. So pairs are hashed here, on words in place, without any
 * allocation. Digests are kept as eight big-endian words in an `Int32Array` and only become bytes where
 * they leave the tree.
 */

/** Words in a digest. */
export const DIGEST_WORDS = 8;

/** Round constants: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
// deno-fmt-ignore
const ROUND_CONSTANTS = Int32Array.of(
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);

/** Initial state: the first 32 bits of the fractional parts of the square roots of the first 8 primes. */
// deno-fmt-ignore
const INITIAL_STATE = Int32Array.of(
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
);

/** Message schedule of the pair being hashed, with the round constants already added. */
const schedule = new Int32Array(64);

/** State of the hash function between the two compressions. */
const state = new Int32Array(DIGEST_WORDS);

/** Schedule of the padding after 64 bytes of message: a one bit, zeros, the length of 512 bits. */
const PADDING_SCHEDULE = new Int32Array(64);
PADDING_SCHEDULE[0] = 0x80000000;
PADDING_SCHEDULE[15] = 512;
expand(PADDING_SCHEDULE);
for (let i = 0; i < 64; i++) PADDING_SCHEDULE[i]! += ROUND_CONSTANTS[i]!;

/**
 * Hashes the 64 bytes of two neighbouring digests into one digest.
 *
 * @param words Digests, eight words each.
 * @param from Position of the pair's first word; sixteen words are read.
 * @param to Position of the result's first word. It may lie within the pair: all of the pair is read first.
 */
export function hashPair(words: Int32Array, from: number, to: number): void {
  for (let i = 0; i < 16; i++) schedule[i] = words[from + i]!;
  expand(schedule);
  for (let i = 0; i < 64; i++) schedule[i]! += ROUND_CONSTANTS[i]!;
  state.set(INITIAL_STATE);
  compress(schedule);
  compress(PADDING_SCHEDULE);
  for (let i = 0; i < DIGEST_WORDS; i++) words[to + i] = state[i]!;
}

/** Fills words 16 to 63 of a message schedule from the sixteen words of the message. */
function expand(w: Int32Array): void {
  for (let i = 16; i < 64; i++) {
    const a = w[i - 15]!;
    const b = w[i - 2]!;
    const sigma0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3);
    const sigma1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10);
    w[i] = (w[i - 16]! + sigma0 + w[i - 7]! + sigma1) | 0;
  }
}

/** One compression: 64 rounds over `state` with a schedule that includes the round constants. */
function compress(w: Int32Array): void {
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!;
  let e = state[4]!, f = state[5]!, g = state[6]!, h = state[7]!;
  for (let i = 0; i < 64; i++) {
    const sum1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const choice = g ^ (e & (f ^ g));
    const t1 = (h + sum1 + choice + w[i]!) | 0;
    const sum0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) ^ (c & (a ^ b));
    h = g, g = f, f = e, e = (d + t1) | 0;
    d = c, c = b, b = a, a = (t1 + sum0 + majority) | 0;
  }
  state[0]! += a, state[1]! += b, state[2]! += c, state[3]! += d;
  state[4]! += e, state[5]! += f, state[6]! += g, state[7]! += h;
}
