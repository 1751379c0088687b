// Canaries: files with lines that lint must refuse. Each such line ends with `// refused: RULE`.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../common.mjs';

const folder = join(root, 'libs/query/canary');
const mark = '// refused: ';

function expected() {
  return readdirSync(folder).flatMap((name) => {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n');
    const marked = lines.flatMap((line, i) =>
      line.includes(mark) ? [{ name, line: i + 1, rule: line.slice(line.indexOf(mark) + mark.length) }] : [],
    );
    if (marked.length === 0) throw new Error(`${name} has no line that lint must refuse`);
    return marked;
  });
}

/** The lines that lint must refuse, and those of them that it lets pass. Throws when lint does not run. */
export function checkCanaries() {
  const { stdout, stderr } = spawnSync('eslint', ['--no-ignore', '--format', 'json', folder], {
    cwd: root,
    encoding: 'utf8',
  });
  if (!stdout.startsWith('[')) throw new Error(`eslint: ${stderr}`);
  const found = JSON.parse(stdout);
  const isRefused = ({ name, line, rule }) =>
    found.some(
      ({ filePath, messages }) =>
        filePath === join(folder, name) &&
        messages.some(
          (message) =>
            message.ruleId === rule && message.severity === 2 && message.line <= line && line <= message.endLine,
        ),
    );
  const lines = expected();
  return { lines, passed: lines.filter((line) => !isRefused(line)) };
}
