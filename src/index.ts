/**
 * gradlens: the exact gradient of a ConvNet's class score with respect to its input image, on any WebGPU device.
 *
 * @packageDocumentation
 */
export { Engine, checkSupport } from './engine';
export type { EngineMemory, EngineSettings, EngineSource, Support } from './engine';
export { GradlensError } from './errors';
export type { ErrorCode } from './errors';
export type { Environment } from './environment';
export { presetNames, presetSpec } from './formats/preparation';
export type { Extents, Graph, GraphNode, InputSpec, ModelFile, PreparationGuess, PresetName, Weight } from './graph';
export type { ColourMapName } from './image/colourMaps';
export type { BufferPlace, ImageInput, Images, Pixels, Prepared, TexturePicture } from './image/pixels';
export { placementOf } from './image/placement';
export type { Placement } from './image/placement';
export { renderMap } from './image/render';
export { unprepared } from './image/unprepared';
export type { Drawable, RenderOptions, Rendered } from './image/render';
export type { Plane } from './image/resize';
export type { FetchBytes, FetchOptions, ModelSource, NetAddresses } from './load';
export type { Model } from './model';
export type {
  ForwardRecording,
  GradientRecording,
  MapFading,
  MapOverlay,
  MapPercentile,
  MapRecording,
  StepRange,
} from './model/recordings';
export type { Spread, SpreadOptions } from './model/spread';
export type { ByTensor, NamedTensor, Probe, Pullback } from './model/probe';
export { DEFAULT_MODEL, PUBLIC_MODELS, SHIPPED_MODELS } from './publicModels';
export type { PublicModel } from './publicModels';
export type {
  AscentChunk,
  AscentRun,
  AscentState,
  Certainty,
  CheckReport,
  ExpectedFile,
  GradientOptions,
  Head,
  HeadKind,
  InputGradient,
  LayerGradient,
  LoadOptions,
  Neuron,
  PixelBox,
  Preparation,
  Profile,
  Progress,
  ReadingOptions,
  ReluRule,
  RunOptions,
  StepTime,
  TopClasses,
  UndecidedPlace,
} from './options';
export type { Doubts } from './image/undecided';
export type { Memory, Plan } from './compile/plan';
export type { Step } from './ops/op';
export type { Kernel } from '../shaders/kernel';
export type { Sum, Variation } from '../shaders/sampling';
export type { TuningStore } from './variants/stored';
export type { Classification } from './scores';
export type { AscentOptions } from './gpu/ascent';
export type { InputUnits } from './image/inputUnits';
export type { MapBuffer, MapOutput, MapTexture } from './gpu/liveMap';
export type { RecordedInput, RecordedPicture } from './gpu/recording';
export type { Sampled, SampledVariants, View } from './gpu/sampling';
export * from './methods/all';
export type { ActivationMapOptions } from './methods/activationMap';
export { attack, attackBatch } from './methods/attack';
export type { Attack, AttackOptions, AttackedClass } from './methods/attack';
export { CLASS_MODEL_PRESETS, classModel } from './methods/classModel';
export type { ClassModel, ClassModelOptions, ClassModelPreset, ClassModelStep, Remark } from './methods/classModel';
export type { ChannelRule, FlatMap, Heatmap } from './methods/heatmap';
export { mapBox } from './methods/mapBox';
export type { MapBox, MapBoxOptions } from './methods/mapBox';
export { cautionsOf } from './methods/method';
export type {
  ChoiceOption,
  FlagOption,
  MethodOption,
  MethodOptions,
  MethodRecord,
  NumberOption,
  OfBatch,
  TensorOption,
  ValuesOf,
} from './methods/method';
export { METHODS, batchFor, mapBy, mapsBy, methodNamed, valuesOf } from './methods/named';
export type { MapOptions, Method, MethodName, MethodOptionName, MethodValues } from './methods/named';
export { mapStream, saliencyStream } from './methods/stream';
export type { Pictures, StreamOptions } from './methods/stream';
export { perturbationCurves, randomised, rankCorrelation } from './methods/sanity';
export type { PerturbationCurves } from './methods/sanity';
export { areasOf, controlMap, gainOf, verdictOf } from './methods/verdict';
export type { Areas, Evidence, Verdict } from './methods/verdict';
export { SEEDS, SEGMENT_PRESETS, segment } from './methods/segmentation';
export type { Fallback, SegmentOptions, SegmentPreset, Segmentation } from './methods/segmentation';
export { centreBox, controlOf, intersectionOverUnion, localisationMeasures, wholeImage } from './methods/localisation';
export type { Guess, LocalisationMeasures, Localised } from './methods/localisation';
export type { Box, Neighbours } from './segmentation/components';
