import { common, command } from './args';
import { EXIT } from './failure';

export const check = command({
  name: 'check',
  description: 'is arithmetic right on this device? A stored float64 gradient, computed anew',
  examples: [['', 'passes if this device computes right']],
  args: common,
  async run(args, session) {
    const engine = await session.openEngine(args.driver);
    const report = await engine.check();
    const { adapter } = engine.environment;
    session.print(args.json, { ...report, adapter }, `${adapter.description || adapter.vendor}: ${report.message}`);
    return report.ok ? EXIT.ok : EXIT.failed;
  },
});
