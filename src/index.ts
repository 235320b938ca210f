/** gradlens: the exact gradient of a ConvNet's class score with respect to its input image, on any WebGPU device. */
export { Engine, checkSupport } from './engine';
export type { EngineMemory, EngineSource } from './engine';
export { GradlensError } from './errors';
export type { ErrorCode } from './errors';
export type { Environment } from './gpu/device';
export type { Extents, Graph, GraphNode, InputSpec, ModelFile, Weight } from './graph';
export type { ColourMapName } from './image/colourMaps';
export type { ImageInput, Pixels, Prepared } from './image/pixels';
export { renderMap } from './image/render';
export type { RenderOptions } from './image/render';
export type { ModelSource } from './load';
export { Model } from './model';
export type { GradientOptions, Images, InputGradient, LoadOptions, Neuron } from './model';
export type { Progress, ReluRule, RunOptions } from './options';
export type { Classification } from './scores';
export type { CheckReport } from './selfTest';
export { saliency } from './methods/saliency';
export type { Heatmap, SaliencyOptions } from './methods/saliency';
