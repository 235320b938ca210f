/** Texts from elsewhere (labels, names, messages) as a terminal may have them. */

/**
 * What a terminal takes for a command, or a reader for another line or order: controls of ASCII and Latin-1 (escape
 * sequences begin with one), separators of lines, and marks that turn the direction of text.
 */
const CONTROLS = /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** `\u001b`, as JSON writes it. */
const escaped = (control: string): string => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** One line: its control characters are shown, not sent. */
export const shown = (text: string): string => text.replace(CONTROLS, escaped);

/** JSON in one line; it means the same, and has no control characters either. */
export const shownJson = (value: unknown): string => JSON.stringify(value).replace(CONTROLS, escaped);
