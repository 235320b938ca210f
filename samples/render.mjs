/**
 * Renders the sample pictures: node samples/render.mjs [name …]
 *
 * Each scene is a function of its size and returns linear RGBA pixels.
 */
import { writeFile } from 'node:fs/promises';
import { develop } from './lib/paint.mjs';
import { golfBall } from './scenes/golfBall.mjs';
import { parachute } from './scenes/parachute.mjs';
import { church } from './scenes/church.mjs';
import { gasPump } from './scenes/gasPump.mjs';
import { cassettePlayer } from './scenes/cassettePlayer.mjs';
import { garbageTruck } from './scenes/garbageTruck.mjs';
import { schoolBus } from './scenes/schoolBus.mjs';
import { ladybug } from './scenes/ladybug.mjs';
import { orange } from './scenes/orange.mjs';
import { keyboard } from './scenes/keyboard.mjs';
import { pizza } from './scenes/pizza.mjs';

/** Width, height, and what is to be seen. */
const scenes = {
  'imagenette/golf-ball': [480, 360, golfBall],
  'imagenette/parachute': [480, 360, parachute],
  'imagenette/church': [480, 360, church],
  'imagenette/gas-pump': [420, 420, gasPump],
  'imagenette/cassette-player': [480, 360, cassettePlayer],
  'imagenette/garbage-truck': [480, 360, garbageTruck],
  'school-bus': [480, 360, schoolBus],
  ladybug: [480, 360, ladybug],
  orange: [480, 360, orange],
  'computer-keyboard': [480, 360, keyboard],
  pizza: [480, 360, pizza],
};

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(scenes);
for (const name of names) {
  if (!scenes[name]) throw new Error(`no scene "${name}": there are ${Object.keys(scenes).join(', ')}`);
  const [width, height, scene] = scenes[name];
  const bytes = await develop(await scene(width, height));
  await writeFile(new URL(`${name}.jpg`, import.meta.url), bytes);
  console.log(`${name}.jpg ${(bytes.length / 1000).toFixed(1)} kB`);
}
