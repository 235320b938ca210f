/** What is recorded for the GPU, by us or by a host, and how much of it goes into one submit. */

/** Something to be computed, with an estimate of how long that takes. */
interface Work {
  readonly flops: number;
}

/** What our recordings need of an encoder: a host's `GPUCommandEncoder`, or {@link Commands}. */
export type Encoder = Pick<
  GPUCommandEncoder,
  'copyBufferToBuffer' | 'clearBuffer' | 'beginComputePass' | 'resolveQuerySet'
> & {
  /** Parts of some work, one pass each: what was recorded before a part may be submitted when it is asked for. */
  portions?<T extends Work>(work: readonly T[]): Iterable<readonly T[]>;
  /** Submits what was recorded, and goes on. */
  flush?(): void;
};

/**
 * Commands that reach the queue in order, in several submits where one would hold too much work: watchdogs count the
 * time of a submit, and Windows resets a GPU after two seconds.
 */
export class Commands implements Encoder {
  /** Of all submits. */
  flops = 0;
  private inSubmit = 0;
  private encoder: GPUCommandEncoder;

  constructor(
    private readonly gpu: GPUDevice,
    private readonly label: string,
    /** FLOPs that a submit may hold; a single dispatch may be more. */
    private readonly most: number,
  ) {
    this.encoder = this.begin();
  }

  readonly copyBufferToBuffer: Encoder['copyBufferToBuffer'] = (...args: unknown[]) =>
    Reflect.apply(this.encoder.copyBufferToBuffer, this.encoder, args) as undefined;
  readonly clearBuffer: Encoder['clearBuffer'] = (...args) => this.encoder.clearBuffer(...args);
  readonly beginComputePass: Encoder['beginComputePass'] = (...args) => this.encoder.beginComputePass(...args);
  readonly resolveQuerySet: Encoder['resolveQuerySet'] = (...args) => this.encoder.resolveQuerySet(...args);

  *portions<T extends Work>(work: readonly T[]): Generator<readonly T[]> {
    let portion: T[] = [];
    for (const one of work) {
      if (this.inSubmit > 0 && this.inSubmit + one.flops > this.most) {
        yield portion;
        portion = [];
        this.flush();
      }
      portion.push(one);
      this.inSubmit += one.flops;
      this.flops += one.flops;
    }
    yield portion;
  }

  flush(): void {
    this.submit();
    this.encoder = this.begin();
  }

  submit(): void {
    this.gpu.queue.submit([this.encoder.finish()]);
    this.inSubmit = 0;
  }

  private begin(): GPUCommandEncoder {
    return this.gpu.createCommandEncoder({ label: `gradlens/${this.label}` });
  }
}
