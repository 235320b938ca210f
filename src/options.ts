/** What calls take and give: options that every long call has, those of loading and of gradients, and results. */
import type { Extents } from './shape';

/** How a picture becomes the network's input: `(pixel · scale − mean) / std` per channel, pixel in 0…255. */
export interface InputSpec {
  /** Of the network's input, in pixels. */
  readonly width: number;
  /** Likewise. */
  readonly height: number;
  /** 1: grey · 3: colours. */
  readonly channels: 1 | 3;
  /** Which colour comes first. */
  readonly order: 'RGB' | 'BGR';
  /** What each pixel, 0 to 255, is multiplied by. */
  readonly scale: number;
  /** One per channel, in `order`. */
  readonly mean: readonly number[];
  /** One per channel, in `order`. */
  readonly std: readonly number[];
  /**
   * squash: both sides to size · crop: the largest centred part of the right aspect · pad: the whole picture, the rest
   * at the mean.
   */
  readonly resize: 'squash' | 'crop' | 'pad';
}

/** Customs of preparing pictures, by name; {@link presetSpec} has their numbers. */
export type PresetName = 'torchvision' | 'caffe-bgr' | 'unit' | 'signed' | 'raw';

/** What a file that does not say how pictures are prepared lets one suppose: a guess, to be shown and overruled. */
export interface PreparationGuess {
  /** Which one. */
  readonly prep: PresetName;
  /** What in the file suggests it, or that nothing does; a clause for people. */
  readonly reason: string;
}

/** How far a call is. */
export interface Progress {
  /** What it is doing. */
  readonly phase: 'download' | 'parse' | 'tune' | 'upload' | 'compile' | 'run';
  /** Bytes, steps, layers or iterations, by phase. */
  readonly done: number;
  /** How many there will be, where that is known. */
  readonly total?: number;
}

/** Options of every long call. */
export interface RunOptions {
  /** Rejects with the signal's reason; what was allocated is given back. */
  readonly signal?: AbortSignal;
  /** Called now and then; what it throws is thrown by the call. */
  readonly onProgress?: (progress: Progress) => void;
}

/** How ReLUs pass the gradient back (§4 of the paper): by the sign of their input, of the gradient, or of both. */
export type ReluRule = 'gradient' | 'deconvnet' | 'guided';

/** What is known of a file before it is there. */
export interface ExpectedFile {
  /** Its length. */
  readonly bytes?: number;
  /** In hexadecimal. */
  readonly sha256?: string;
}

/**
 * What makes probabilities of scores: soft-max over all classes, or a sigmoid of each class by itself; `none` for
 * scores that are none, such as those of a regression.
 */
export type HeadKind = 'softmax' | 'sigmoid' | 'none';

/** A model's head, and who says so. */
export interface Head {
  /** Which one. */
  readonly kind: HeadKind;
  /** `custom` where neither the file nor the caller says it: soft-max of several scores, none of one. */
  readonly by: 'file' | 'caller' | 'custom';
  /** A clause for people. */
  readonly reason: string;
}

/** What an ONNX file may leave open, as the caller says it. */
export interface ReadingOptions {
  /** Height and width of the pictures, where the file leaves them free. */
  readonly size?: readonly [height: number, width: number];
  /** The tensor of the class scores: one of several outputs, or any other. */
  readonly output?: string;
  /** Numbers that inputs beside the picture are held at, by their names: one number stands for all. */
  readonly fixed?: Readonly<Record<string, number | ArrayLike<number>>>;
}

/** Options of {@link Engine.load}. */
export interface LoadOptions extends RunOptions, ReadingOptions {
  /** Pictures per run; default 1. */
  readonly batch?: number;
  /**
   * `f32` (default) is exact. `f16` stores weights and activations in half precision, which halves their bytes on the
   * GPU, and sums in float32; gradients stay in float32. Scores then differ by about 10⁻³ (relative L2), gradients by
   * several per cent, since they jump where a rounded activation crosses zero; an activation beyond ±65504 is an error.
   * With the feature `shader-f16` or without. `fast` is not available yet.
   */
  readonly precision?: 'f32' | 'f16' | 'fast';
  /**
   * On a GPU, find out which kernels are fastest there, at most 1.5 s and once per device and layer shape: the default
   * on an engine's own device. Off, as by default on a borrowed one, whose queue is the host's: the kernels that suit
   * GPUs of its kind. Software adapters are never tuned.
   */
  readonly tune?: boolean;
  /** How pictures are prepared, where the model file does not say (ONNX) or to overrule it. */
  readonly input?: InputSpec;
  /** The same by a name; `guess` takes what the file suggests (`Model.preparation` says what that was, and why). */
  readonly prep?: PresetName | 'guess';
  /** What makes probabilities of the scores, to overrule what the file ends in. */
  readonly head?: HeadKind;
  /** Names of the classes, to overrule the file's. A model of 1000 classes that names none gets ImageNet's. */
  readonly labels?: readonly string[];
  /** Refuses the model file, or a cached copy of it, if it is another one. */
  readonly expected?: ExpectedFile;
}

/** How a model prepares pictures, and who says so. */
export interface Preparation {
  /** What becomes of a picture. */
  readonly input: InputSpec;
  /** Whose word it is. */
  readonly by: 'file' | 'caller' | 'guess';
  /** Its name, where it was chosen by one. */
  readonly prep?: PresetName;
  /** Of a guess: what suggests it. */
  readonly reason?: string;
}

/** A neuron anywhere in the network: a channel of a tensor, at one place or summed over its plane. */
export interface Neuron {
  /** The tensor, by its name. */
  readonly tensor: string;
  /** Its channel. */
  readonly channel: number;
  /** Its row; left out with `x`: the sum over the plane. */
  readonly y?: number;
  /** Its column. */
  readonly x?: number;
}

/** The classes of one picture with the highest scores, and others beside them, each once. */
export interface TopClasses {
  /** How many of the best. */
  readonly top: number;
  /** Classes that are wanted in any case. */
  readonly also?: readonly number[];
}

/** Options of gradients: of which score, and by which rule. */
export interface GradientOptions {
  /**
   * A class; one class per picture of the batch; several classes of a single picture (they share its forward pass); the
   * class with the highest score, or some of these; or any neuron.
   */
  readonly class: number | readonly number[] | 'top1' | TopClasses | Neuron;
  /** Default `gradient`, the true one. */
  readonly relu?: ReluRule;
  /**
   * Differentiate the score before the head (default) or the probability after it: by {@link Head}, soft-max or the
   * class's own sigmoid. A model without a head has no probabilities.
   */
  readonly score?: 'logit' | 'probability';
  /**
   * Where the gradient is written, for loops that want no new memory: as many elements as it has. It is the result's
   * `gradient` then, and undefined until the promise is fulfilled. Default: a new array.
   */
  readonly into?: Float32Array;
  /**
   * Say how far each gradient can be trusted: see {@link Certainty}. Of the true gradient alone, not of the rules of
   * guided and deconvnet. The first call plans the model once more, which then takes twice the memory beside its
   * weights, and more for what the decisions are made by.
   */
  readonly certainty?: boolean;
}

/** A decision that rounding may have turned: the sign of a number at a ReLU, or the winner of a pool's window. */
export interface UndecidedPlace {
  /** What the ReLU, the clip or the pool writes, as the graph names it. */
  readonly tensor: string;
  /** Where in it. */
  readonly channel: number;
  /** Likewise. */
  readonly y: number;
  /** Likewise. */
  readonly x: number;
  /** The part of the gradient that goes through it, of its norm in that layer. */
  readonly weight: number;
  /** The pixels of the input that it sees, cut to the picture. */
  readonly box: PixelBox;
}

/** A rectangle of pixels. */
export interface PixelBox {
  /** Its first column. */
  readonly x: number;
  /** Its first row. */
  readonly y: number;
  /** In pixels. */
  readonly width: number;
  /** Likewise. */
  readonly height: number;
}

/**
 * How far a gradient can be trusted. A gradient is exact but for the decisions that the net makes on the way: which
 * side of a ReLU a number lies on, and which element of a pool's window is the largest. Where the margin of one is
 * smaller than the rounding error that reached it, float32 cannot make it, and what of the gradient goes through it may
 * be wrong. The size of that error comes from a model that was calibrated, and is not proved: the guide on
 * methods says how.
 */
export interface Certainty {
  /** Decisions that are closer than the error is usually large, and through which something of the gradient goes. */
  readonly undecided: number;
  /** What goes through them, of the gradient's norm: the root of the sum of squares over layers. */
  readonly weight: number;
  /** Whether that is more than 0.0012: single pixels of the gradient may be wrong. */
  readonly doubtful: boolean;
  /** Some of them, the weightiest first: of each part of each layer the one with the largest gradient. */
  readonly places: readonly UndecidedPlace[];
  /**
   * Windows of pools with several largest values that are the same to the last bit, as in areas of one colour; the
   * first of them wins, as everywhere. They count in the bound alone.
   */
  readonly ties: number;
  /**
   * Calibrated, not proved: the relative L2 error of the gradient is less, whichever way goes what is tied or within
   * reach of an error. Infinite where other functions decide, too (`unwatched`).
   */
  readonly bound: number;
  /** The part of the bound that is there in any case: of a gradient whose decisions are all right. */
  readonly rounding: number;
  /** Layers whose slope may jump by rules that are not looked at, such as a maximum of two tensors. */
  readonly unwatched: readonly string[];
}

/** What {@link Model.inputGradient} finds. */
export interface InputGradient {
  /** `[N × classes]`; for a {@link Neuron}: its value, `[N]`. */
  readonly scores: Float32Array;
  /** `[N, C, H, W]`, or `[K, C, H, W]` for K classes of one picture, in the units of the prepared input. */
  readonly gradient: Float32Array;
  /** The classes differentiated, one per gradient; empty for a neuron. */
  readonly classes: readonly number[];
  /** `f32` is exact, `f16` is not. */
  readonly precision: 'f32' | 'f16';
  /** How far each of the gradients can be trusted, in their order, if that was asked for. */
  readonly certainty?: readonly Certainty[];
}

/** A tensor inside a network and the gradients of class scores with respect to it. */
export interface LayerGradient {
  /** Of the tensor. */
  readonly extents: Extents;
  /** `[C, H, W]` */
  readonly activations: Float32Array;
  /** `[K, C, H, W]` for K classes. */
  readonly gradient: Float32Array;
  /** `[classes]` */
  readonly scores: Float32Array;
  /** The classes differentiated, one per gradient. */
  readonly classes: readonly number[];
}

/** All that the next iteration depends on. */
export interface AscentState {
  /** `[N, C, H, W]`, prepared. */
  readonly image: Float32Array;
  /** Like the image; empty without momentum. */
  readonly velocity: Float32Array;
  /** How many there were. */
  readonly iteration: number;
}

/** Iterations that were submitted together. */
export interface AscentChunk {
  /**
   * For each of them the score of every item before its update. It rejects if a number is not finite, with the reason.
   */
  readonly scores: Promise<readonly Float32Array[]>;
  /** How many. */
  readonly count: number;
}

/** How long each step of one gradient takes by itself. */
export interface Profile {
  /** `gpu`: by timestamps · `wall`: from submit to completion, less what an empty submit takes. */
  readonly clock: 'gpu' | 'wall';
  /** In the order of the plan. */
  readonly steps: readonly StepTime[];
}

/** One step of a {@link Profile}. */
export interface StepTime {
  /** As the plan prints it. */
  readonly label: string;
  /** Of which pass. */
  readonly direction: 'forward' | 'backward';
  /** By itself. */
  readonly milliseconds: number;
  /** Multiply-adds count two; 0 for steps that only move data. */
  readonly flops: number;
  /** Of all tensors that the step binds: what it has to read or write at least once. */
  readonly bytes: number;
}

/** A gradient ascent under way. */
export interface AscentRun {
  /**
   * Up to `most` iterations in one submit, which is not waited for: two may be under way.
   *
   * @throws GradlensError `device-lost`, `disposed`; the signal's reason
   */
  submit(most: number): Promise<AscentChunk>;
  /**
   * After all that was submitted.
   *
   * @throws GradlensError as {@link submit}
   */
  read(): Promise<AscentState>;
  /** Gives its buffers back. */
  dispose(): void;
}

/** What `engine.check()` found. */
export interface CheckReport {
  /** Both runs are bit-identical and within 1e-5, relative L2, of float64. */
  readonly ok: boolean;
  /** ‖gradient − expected‖₂ / ‖expected‖₂ */
  readonly relativeL2: number;
  /** Whether both runs gave the same bits. */
  readonly identical: boolean;
  /** The result in a sentence. */
  readonly message: string;
}
