/** What identifies the machine behind a number. */
export interface Environment {
  readonly adapter: {
    readonly vendor: string;
    readonly architecture: string;
    readonly device: string;
    readonly description: string;
    /** A software adapter: right, but slow. */
    readonly isFallbackAdapter: boolean;
  };
  readonly features: readonly string[];
  readonly limits: Readonly<Record<'maxBufferSize' | 'maxStorageBufferBindingSize', number>>;
}
