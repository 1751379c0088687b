// How set-up runs its steps: each is skipped while its inputs are as they were, and says so while it takes long.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A reason to stop that the user can remedy: one sentence, exit code 2. */
export class Remedy extends Error {}

export const say = (text) => process.stderr.write(`setup: ${text}\n`);

/** The hash of files and folders by content; what is absent counts as empty. */
export function hashOf(paths, ...extra) {
  const hash = createHash('sha256');
  const add = (path) => {
    if (!existsSync(path)) return;
    if (!statSync(path).isDirectory()) {
      hash.update(path).update('\0').update(readFileSync(path)).update('\0');
      return;
    }
    for (const name of readdirSync(path).sort()) if (name !== 'node_modules') add(join(path, name));
  };
  paths.forEach(add);
  extra.forEach((text) => hash.update(String(text)).update('\0'));
  return hash.digest('hex');
}

/**
 * Runs `work` unless the stamp says that it succeeded with these inputs and what it makes is still there.
 * Prints a line when it begins and one every 5 s, so that nothing is silent.
 */
export async function step({ root, name, text, inputs, makes, work }) {
  const stamp = join(root, '.cache/stamps', name);
  if (makes.every((path) => existsSync(path)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return;
  const begun = Date.now();
  const seconds = () => `${((Date.now() - begun) / 1000).toFixed(0)} s`;
  say(`${text} ...`);
  const ticker = setInterval(() => say(`${text}: still at it after ${seconds()}`), 5000);
  try {
    await work();
  } finally {
    clearInterval(ticker);
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, inputs);
  say(`${text}: done in ${seconds()}`);
}

/** Runs a program with its output in `log`; a failure shows the end of it. */
export function run(command, args, { log, cwd, env = process.env }) {
  mkdirSync(dirname(log), { recursive: true });
  appendFileSync(log, `$ ${command} ${args.join(' ')}\n`);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let tail = '';
    const keep = (chunk) => {
      appendFileSync(log, chunk);
      tail = (tail + chunk).slice(-4000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args[0] ?? ''} ended with ${code}; its last words (all of them in ${log}):\n${tail}`)));
  });
}

/** Only one set-up works in a tree at a time: others wait for it; a lock whose owner is gone is taken over. */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  for (let told = false; ; told = true) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!isAlive(path)) rmSync(path, { force: true });
    else {
      if (!told) say('waiting for another set-up in this folder');
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    release();
    process.removeListener('exit', release);
  }
}

function isAlive(path) {
  try {
    const owner = Number(readFileSync(path, 'utf8'));
    if (!owner) return Date.now() - statSync(path).mtimeMs < 2000;
    process.kill(owner, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
