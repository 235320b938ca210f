/**
 * A table of all architectures: right, refused or wrong, with errors or words. Needs the built package (npm run
 * build:lib).
 *
 *   node test/architectures/report.mjs [NAME…]
 */
import { createNodeEngine } from 'gradlens/node';
import { judge, names } from './judge.mjs';

const engine = await createNodeEngine({ allowSoftware: true });
const asked = process.argv.slice(2);
const counts = { right: 0, refused: 0, wrong: 0 };
for (const name of asked.length > 0 ? asked : names) {
  const { verdict, words } = await judge(engine, name);
  counts[verdict]++;
  console.log(`${verdict.padEnd(8)} ${name.padEnd(22)} ${words}`);
}
console.log(`${counts.right} right, ${counts.refused} refused, ${counts.wrong} wrong`);
engine.dispose();
process.exit();
