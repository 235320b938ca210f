/** Options of a script by Node's own parser: what that refuses ends the script in one sentence, with exit code 2. */
import { parseArgs as parse } from 'node:util';

/** @type {typeof parse} */
export const parseArgs = (config) => {
  try {
    return parse(config);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
};
