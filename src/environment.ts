/** What identifies the machine behind a number. */
export interface Environment {
  /** As WebGPU's `GPUAdapterInfo` says. */
  readonly adapter: {
    /** Such as `nvidia`. */
    readonly vendor: string;
    /** Such as `ampere`. */
    readonly architecture: string;
    /** Its number or name, where the browser tells. */
    readonly device: string;
    /** For people. */
    readonly description: string;
    /** A software adapter: right, but slow. */
    readonly isFallbackAdapter: boolean;
  };
  /** Of the device. */
  readonly features: readonly string[];
  /** Of the device. */
  readonly limits: Readonly<Record<'maxBufferSize' | 'maxStorageBufferBindingSize', number>>;
}
