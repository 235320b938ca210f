/**
 * Public models that are downloaded when a user asks for one by name, and never otherwise. They are of the ONNX model
 * zoo, under its licence (Apache 2.0), trained on ImageNet's 1000 classes. Size and SHA-256 are those that the zoo's
 * own repository records; a file that differs is refused.
 */
import type { ExpectedFile, PresetName } from './options';

/** A model of the zoo. */
export interface PublicModel {
  /** For people. */
  readonly title: string;
  /** Where it is downloaded from. */
  readonly address: string;
  /** Its length. */
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  /** How its authors prepare pictures. */
  readonly prep: PresetName;
}

const ZOO = 'https://huggingface.co/onnxmodelzoo/legacy_models/resolve/main/validated/vision/classification';

/** Public models, by the names that {@link Engine.load} takes. */
export const PUBLIC_MODELS: Readonly<Record<string, PublicModel>> = {
  'squeezenet1.1': {
    title: 'SqueezeNet 1.1',
    address: `${ZOO}/squeezenet/model/squeezenet1.1-7.onnx`,
    bytes: 4_956_208,
    prep: 'torchvision',
    sha256: '1eeff551a67ae8d565ca33b572fc4b66e3ef357b0eb2863bb9ff47a918cc4088',
  },
  mobilenetv2: {
    title: 'MobileNet V2',
    address: `${ZOO}/mobilenet/model/mobilenetv2-7.onnx`,
    bytes: 14_246_826,
    prep: 'torchvision',
    sha256: 'c1c513582d56afceff8516c73804e484c81c6a830712ab6d682253f4a3cd042f',
  },
  resnet18: {
    title: 'ResNet-18',
    address: `${ZOO}/resnet/model/resnet18-v1-7.onnx`,
    bytes: 46_820_737,
    prep: 'torchvision',
    sha256: '4e8f8653e7a2222b3904cc3fe8e304cd8b339ce1d05fd24688162f86fb6df52c',
  },
  resnet50: {
    title: 'ResNet-50',
    address: `${ZOO}/resnet/model/resnet50-v1-12.onnx`,
    bytes: 102_576_419,
    prep: 'torchvision',
    sha256: 'ab65bdc02c5b3123eb3cdf6dac01742438517d8635d4f233913b2be1c70db3b6',
  },
  googlenet: {
    title: 'GoogLeNet',
    address: `${ZOO}/inception_and_googlenet/googlenet/model/googlenet-7.onnx`,
    bytes: 28_020_232,
    prep: 'caffe-bgr',
    sha256: '5725ccfd90845735ce5897faf7843c3f9b13acda3c4f3bff82cb21c9337c9de8',
  },
  alexnet: {
    title: 'AlexNet',
    address: `${ZOO}/alexnet/model/bvlcalexnet-8.onnx`,
    bytes: 243_863_542,
    prep: 'caffe-bgr',
    sha256: '9a4dc22fd706a19462aaec3b08e027e0ef89daf63d123824f20b59b6de9a727b',
  },
  vgg16: {
    title: 'VGG-16',
    address: `${ZOO}/vgg/model/vgg16-7.onnx`,
    bytes: 553_437_328,
    prep: 'torchvision',
    sha256: 'f20805a3ecccaa88647bbab4ad011ff2412a9838485ea844de0fcbce349820b9',
  },
};

/** The nets that come with the package, in `weights/`. */
export const SHIPPED_MODELS: Readonly<Record<string, string>> = {
  'everyday-64-robust': '200 everyday classes, trained against small perturbations',
  'everyday-64': '200 everyday classes, trained as usual',
  'imagenette-128-robust': 'ten classes, trained against small perturbations',
  'imagenette-128': 'ten classes, trained as usual',
};

/** The shipped network that serves where none is named: its maps and class models are the best to look at. */
export const DEFAULT_MODEL = Object.keys(SHIPPED_MODELS)[0]!;

/** A model that has a name, and what is known of it beside its file. */
export interface NamedModel {
  readonly address: URL;
  readonly expected?: ExpectedFile;
  readonly prep?: PresetName;
}

/** From this module to `weights/`: in the built package it lies a folder deeper than among the sources. */
const TO_WEIGHTS = import.meta.env?.MODE === 'lib' ? '../../weights/' : '../weights/';

/** The model of {@link SHIPPED_MODELS} or {@link PUBLIC_MODELS} with this name; undefined if there is none. */
export function namedModel(name: string): NamedModel | undefined {
  const here = import.meta.url; // by a name of its own, or bundlers copy every net into every app
  if (Object.hasOwn(SHIPPED_MODELS, name)) return { address: new URL(`${TO_WEIGHTS}${name}/model.json`, here) };
  const known = Object.hasOwn(PUBLIC_MODELS, name) ? PUBLIC_MODELS[name] : undefined;
  return known && { address: new URL(known.address), expected: known, prep: known.prep };
}
