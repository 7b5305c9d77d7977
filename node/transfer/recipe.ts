/**
 * What a recipe is: the pieces that a content is cut into where its bytes say so, so that an insertion moves
 * the pieces behind it without changing them.
 */

/**
 * The pieces of a content in their order, as they travel: for each its length (u32, big-endian) and its
 * fingerprint (8 bytes). A fingerprint is a hint only: what is put together from pieces is verified.
 */
export type Recipe = Uint8Array;
