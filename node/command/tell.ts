/** How a running command reports what happens. */

/**
 * Says what happened: as an event with fields for scripts, or as text for people, of one line or several.
 * What comes from elsewhere must be printable in the text already.
 */
export type Tell = (event: string, fields: Record<string, unknown>, text: string) => void;
