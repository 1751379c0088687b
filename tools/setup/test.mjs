// Type check, lint, the lint's canaries, tests and attacks; with --all the end-to-end tests, more attacks and fuzzing
// too. The last line counts them as `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useTemporaryFolder } from '../../libs/testing/src/temporary-folder.ts';
import { nodeCommand, whyNoNode } from '../demo/src/node/enter.ts';
import { root } from './common.mjs';
import { checkCanaries } from './lint/canaries.mjs';

const e2e = 'tests/e2e';
const kubernetes = 'tests/kubernetes';
const images = 'tests/images';
const counts = { passed: 0, failed: 0, skipped: 0 };
const skipped = [];

function check(name, command) {
  console.log(`test: ${name}`);
  const [program, ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
  });
  counts[status === 0 ? 'passed' : 'failed'] += 1;
  if (status !== 0) console.log(`${stdout}${stderr}\ntest: ${name} failed (${status})`);
}

/** Lint that refuses nothing passes too: each line that it must refuse counts as a test. */
function canaries() {
  console.log('test: lint canaries');
  try {
    const { lines, passed } = checkCanaries();
    counts.passed += lines.length - passed.length;
    counts.failed += passed.length;
    for (const { name, line, rule } of passed)
      console.log(`test: libs/query/canary/${name}:${line} is not refused by ${rule}`);
  } catch (thrown) {
    console.log(`test: lint canaries failed (${thrown.message})`);
    counts.failed += 1;
  }
}

/** Runs tests; `enter` puts the command where they are to run. Returns how many were skipped. */
function vitest(args, enter = (command) => command) {
  const file = join(mkdtempSync(join(tmpdir(), 'report-')), 'report.json');
  const [program, ...rest] = enter([
    'vitest',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
    ...args,
  ]);
  const { status } = spawnSync(program, rest, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    counts.passed += report.numPassedTests;
    counts.failed += report.numFailedTests + (report.numFailedTests === 0 && status !== 0 ? 1 : 0);
    counts.skipped += report.numPendingTests + report.numTodoTests;
    for (const { assertionResults } of report.testResults)
      skipped.push(
        ...assertionResults
          .filter((result) => ['pending', 'skipped', 'todo'].includes(result.status))
          .map((result) => result.fullName),
      );
    return report.numPendingTests;
  } catch {
    counts.failed += 1;
    return 0;
  }
}

/**
 * End-to-end tests run in namespaces of their own, one file after the other. Where these can't be made they are
 * skipped, which .ci/run takes for a failure.
 */
function endToEnd(args) {
  const why = whyNoNode();
  if (why !== undefined) console.log(`test: end-to-end tests are skipped: ${why}`);
  const left = vitest(['--no-file-parallelism', ...args], why === undefined ? nodeCommand : undefined);
  if (why !== undefined && process.env.FLOTILLA_REQUIRE_E2E === '1') counts.failed += left;
}

/** Tests against a real Kubernetes, which is built once per machine. They are skipped, with a note, if that fails. */
function onKubernetes(args) {
  console.log('test: Kubernetes');
  const { status } = spawnSync('node', ['tools/cluster/src/main.ts', 'build'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status === 0) {
    const left = vitest(['--no-file-parallelism', ...args]);
    if (process.env.FLOTILLA_REQUIRE_E2E === '1') counts.failed += left;
    return;
  }
  console.log('test: the tests on Kubernetes are skipped, for the reason above');
  skipped.push('tests/kubernetes');
  counts[process.env.FLOTILLA_REQUIRE_E2E === '1' ? 'failed' : 'skipped'] += 1;
}

/** Runs rows of attacks or fuzz targets, each of which counts as a test. */
function attack(name, args) {
  console.log(`test: ${name}`);
  const { stdout, status } = spawnSync('node', ['tools/attack/src/main.ts', ...args, '--json'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
  try {
    const { outcomes } = JSON.parse(stdout);
    const count = (wanted) => outcomes.filter(({ verdict }) => verdict === wanted).length;
    counts.passed += count('held');
    counts.failed += count('broke');
    counts.skipped += count('skipped');
    skipped.push(
      ...outcomes
        .filter(({ verdict }) => verdict === 'skipped')
        .map(({ id, shape, problems }) => `${shape} ${id}: ${problems.join('; ')}`),
    );
  } catch {
    console.log(`test: ${name} failed (${status})`);
    counts.failed += 1;
  }
}

useTemporaryFolder('flotilla-test-');
const all = process.argv.includes('--all');
// For tests that take more cases then.
if (all) process.env.FLOTILLA_ALL = '1';
const args = process.argv.slice(2).filter((arg) => arg !== '--all');
const isEndToEnd = (arg) => arg.startsWith(e2e);
const isOnKubernetes = (arg) => arg.startsWith(kubernetes);
const isOfImages = (arg) => arg.startsWith(images);
const needsNothing = args.filter((arg) => !isEndToEnd(arg) && !isOnKubernetes(arg) && !isOfImages(arg));
check('format', ['prettier', '--check', '--log-level', 'warn', '.']);
check('types', ['tsc', '-p', '.']);
// Without a cached project graph the rule of the arrows only warns: compute it first, and prove by canaries that it
// bites.
check('project graph', ['nx', 'show', 'projects']);
check('lint', ['eslint', '.', '--max-warnings', '0']);
canaries();
if (args.length === 0 || needsNothing.length > 0)
  vitest(['--exclude', `${e2e}/**`, '--exclude', `${kubernetes}/**`, '--exclude', `${images}/**`, ...needsNothing]);
if (args.length === 0) attack('attacks', [all ? '--short' : '--quick']);
if (all && args.length === 0) attack('fuzz', ['fuzz', '--duration', '60s']);
if (all || args.some(isEndToEnd)) endToEnd(args.some(isEndToEnd) ? args.filter(isEndToEnd) : [e2e]);
// Builds all images, which takes a minute the first time.
if (all || args.some(isOfImages)) vitest(args.some(isOfImages) ? args.filter(isOfImages) : [images]);
if (all || args.some(isOnKubernetes))
  onKubernetes(args.some(isOnKubernetes) ? args.filter(isOnKubernetes) : [kubernetes]);
if (skipped.length > 0) console.log(`skipped:\n${skipped.map((name) => `  ${name}`).join('\n')}`);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
