/** The prelude's own part, of Node or of a page: the test puts one of the two in its place. */
export function open(): Promise<object>;
