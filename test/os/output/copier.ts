// A daemon that does nothing but copy output: `copier.ts FOLDER with-kernel|without plain|stamped`. It is there to be killed.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { outputsIn, recordingLog, specOf } from './outputs.ts';

const [folder = '', kernel, style] = process.argv.slice(2);
mkdirSync(join(folder, 'log'), { recursive: true });
const log = recordingLog();
await using outputs = outputsIn(folder, { log, ...(kernel === 'without' ? { kernel: null } : {}) });
outputs.prepare([specOf('web', 'capture', style === 'stamped')]);
const told = new Promise<void>((resolve) => {
  process.once('SIGTERM', resolve);
  process.stdin.once('end', resolve).resume();
});
process.stdout.write(`ready ${log.lines.join(' ')}\n`);
await told;
process.stdin.destroy();
