import { readFileSync } from 'node:fs';
import { renderSvg } from './svg.ts';
import { framesOf, readRecording } from './terminal.ts';

const [printed, timing] = process.argv.slice(2);
if (printed === undefined || timing === undefined) {
  console.error('usage: node tools/demo/src/recording/main.ts TYPESCRIPT TIMING >docs/images/demo.svg');
  process.exit(2);
}
const frames = framesOf(readRecording(readFileSync(printed), readFileSync(timing, 'utf8')), {
  every: 3,
  most: 1.5,
  last: 8,
});
process.stdout.write(renderSvg(frames, { title: 'A run of npm run demo in a terminal', columns: 128, rows: 30 }));
