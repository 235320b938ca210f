/** Why a call was refused or failed. The set is closed: programs may switch on it. */
export type ErrorCode =
  | 'no-webgpu'
  | 'insecure-context'
  | 'no-adapter'
  | 'software-adapter'
  | 'limit'
  | 'feature'
  | 'model-format'
  | 'unsupported-op'
  | 'shape'
  | 'shader'
  | 'out-of-memory'
  | 'validation'
  | 'device-lost'
  | 'disposed'
  | 'network';

/** Every error gradlens throws on purpose: a code for programs, a message for people, and the numbers behind it. */
export class GradlensError extends Error {
  /** Tells it from other errors across realms. */
  override readonly name = 'GradlensError';

  /**
   * @param code why, for programs.
   * @param message the place, the value, and what would be right.
   * @param detail the numbers behind it.
   */
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly detail: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
