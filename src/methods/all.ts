/** Every method of attribution: a line makes one public, and offers it wherever methods are offered. */
export * from './featureMap';
export * from './gradCam';
export * from './gradCamPlusPlus';
export * from './gradientTimesInput';
export * from './hiResCam';
export * from './integratedGradients';
export * from './layerCam';
export * from './layerMap';
export * from './occlusion';
export * from './saliency';
export * from './smoothGrad';
