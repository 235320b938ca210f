/** The prelude's own part in Node. */
import { createNodeEngine, readImage, requestNodeAdapter } from 'gradlens/node';

export async function open(): Promise<object> {
  return {
    engine: await createNodeEngine(),
    picture: await readImage('samples/ladybug.jpg'),
    newDevice: await (await requestNodeAdapter()).requestDevice(),
  };
}
