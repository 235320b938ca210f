/** What exporters say in a file's metadata: class names, and the size of pictures. */
import type { GraphProto, ModelProto } from 'onnx-buf';
import { quote } from '../checks';
import { labelsInText } from '../labels';

export interface Told {
  /** Empty where it does not say. */
  readonly labels: readonly string[];
  readonly size?: { readonly size: readonly [number, number]; readonly by: string };
}

/** Keys under which exporters write the names of classes: Ultralytics, TorchVision's recipes, and others. */
const NAMES = ['names', 'categories', 'classes', 'class_names', 'labels', 'id2label'];
const SIZES = ['imgsz', 'input_size', 'image_size', 'img_size', 'crop_size'];

/** Names of nets that end in the size of their pictures, such as `mobilenet_v2_224` or `yolo-320x256`. */
const OF_NAME = /(?:^|[^0-9a-z])(\d{2,4})(?:x(\d{2,4}))?(?:$|[^0-9a-z])/i;
const SIDES = { least: 32, most: 1024 };

export function metadataOf({ metadataProps }: ModelProto, { name }: GraphProto): Told {
  const entries = new Map(metadataProps.map(({ key, value }) => [key.toLowerCase(), value]));
  const labels = NAMES.map((key) => labelsInText(entries.get(key) ?? '')).find(Boolean) ?? [];
  const sized = SIZES.map((key) => ({ key, size: sizeIn(entries.get(key) ?? '') })).find(({ size }) => size);
  if (sized) return { labels, size: { size: sized.size!, by: `its metadata say so (${sized.key})` } };
  const size = sizeOfName(name);
  return { labels, ...(size && { size: { size, by: `the net is called ${quote(name)}` } }) };
}

/** `224`, `[224, 224]`, `(3, 224, 224)` */
function sizeIn(text: string): readonly [number, number] | undefined {
  const numbers = (text.match(/\d+/g) ?? []).map(Number);
  const [height = 0, width = 0] = numbers.length === 1 ? [numbers[0], numbers[0]] : numbers.slice(-2);
  return height > 0 && width > 0 && numbers.length <= 4 ? [height, width] : undefined;
}

function sizeOfName(name: string): readonly [number, number] | undefined {
  const [, height, width = height] = OF_NAME.exec(name) ?? [];
  const size = [Number(height), Number(width)] as const;
  return size.every((side) => side >= SIDES.least && side <= SIDES.most) ? size : undefined;
}
