/** A node, and what its fields may hold, as JSON schemas: `model.schema.json` is written from them. */
export interface Node<Op extends string = string> {
  readonly op: Op;
  /** Unique in its graph; also the name of the tensor that the node writes. */
  readonly name: string;
  /** Names of nodes, or of the graph's input. */
  readonly inputs: readonly string[];
}

/** A JSON schema; those with a `$ref` stand in `model.schema.json` under `$defs`. */
export type Field = Readonly<Record<string, unknown>>;
/** A field that a node may leave out. */
export interface Optional {
  readonly optional: Field;
}

/** A schema for every field of a node beyond `op`, `name` and `inputs`; optional where the node's type says so. */
export type Fields<N extends Node> = {
  readonly [K in Exclude<keyof N, keyof Node>]-?: object extends Pick<N, K> ? Optional : Field;
};

export const optional = (field: Field): Optional => ({ optional: field });

const reference = (name: string): Field => ({ $ref: `#/$defs/${name}` });

/** The name of a weight. */
export const weight = reference('weight');
/** Any finite number. */
export const number = reference('number');
/** A whole number from 1, and so many of them for `[y, x]` and `[C, H, W]`. */
export const extent = reference('extent');
export const extentPair = reference('extentPair');
export const extents = reference('extents');
/** Two whole numbers from 0, `[y, x]`. */
export const pairFrom0: Field = {
  description: 'two whole numbers from 0, [y, x]',
  type: 'array',
  items: { description: 'a whole number from 0', type: 'integer', minimum: 0 },
  minItems: 2,
  maxItems: 2,
};
/** Whole numbers, one per axis. */
export const wholes = reference('wholes');
export const pads = reference('pads');
export const numberFrom0 = reference('numberFrom0');
/** Two numbers above 0, `[y, x]`. */
export const factors = reference('factors');
/** Four numbers, `[top, left, bottom, right]`. */
export const region: Field = {
  description: 'four numbers, [top, left, bottom, right]',
  type: 'array',
  items: number,
  minItems: 4,
  maxItems: 4,
};
export const flag = reference('flag');

/** One of these words. */
export const oneOf = (...words: readonly string[]): Field => ({
  description: words.map((word) => `"${word}"`).join(' or '),
  enum: words,
});

/** One axis. */
export const axis: Field = oneOf('C', 'H', 'W');

/** A list of axes. */
export const axes = (fewest: number): Field => ({
  description: 'a list of axes, each "C", "H" or "W"',
  type: 'array',
  items: { description: '"C", "H" or "W"', enum: ['C', 'H', 'W'] },
  minItems: fewest,
  maxItems: 3,
});

/** Whole numbers from 0, one for each of up to six axes. */
export const counts: Field = {
  description: 'a list of up to six whole numbers from 0',
  type: 'array',
  items: { description: 'a whole number from 0', type: 'integer', minimum: 0 },
  maxItems: 6,
};

/** A list of places along an axis. */
export const places: Field = {
  description: 'a list of whole numbers from 0',
  type: 'array',
  items: { description: 'a whole number from 0', type: 'integer', minimum: 0 },
  minItems: 1,
};

/** Those of a sliding window. */
export const window = {
  kernel: extentPair,
  stride: optional(extentPair),
  pads: optional(pads),
  dilation: optional(extentPair),
};
