import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { buildProblem, type Problem, type Reading } from '@flotilla/model';
import type { Activity, Logger } from '@flotilla/observability-port';
import { replaceFile } from '@flotilla/stored-file';
import { configLimits, messageOf, printable, readJsonObject } from '@flotilla/std';

/**
 * Objects, files and documents, on which a process hung until its watchdog ended it. They are skipped until their
 * content changes, so that one of them does not take everything down again and again.
 */
export interface Quarantine {
  readonly reading: Reading;
  /** Everything has been read once: objects that have changed or are gone since they were put in are let out. */
  settle(): Promise<void>;
}
/** Passes nothing over. */
export const noQuarantine: Quarantine = { reading: (_object, read) => read(), settle: () => Promise.resolve() };

export interface QuarantineOptions {
  readonly file: string;
  readonly activity: Activity;
  readonly log: Logger;
}
interface Quarantined {
  readonly hash: string;
  readonly name: string;
  readonly since: string;
}
const maxObjects = 1000;
/** The least length of the file, so that the watchdog can still write into it when the disk is full. */
const reservedBytes = 8192;
const textOf = (objects: readonly Quarantined[]): string =>
  `${JSON.stringify({ objects }, null, 1)}\n`.padEnd(reservedBytes);

/**
 * What is in quarantine by its file, which the watchdog adds to. A file that can't be read is taken as empty, with a
 * warning.
 */
export function openQuarantine({ file, activity, log: root }: QuarantineOptions): Quarantine {
  const log = root.scope('validation');
  const held = load(file, log);
  const met = new Set<string>();
  const reading: Reading = (object, read, passedOver) => {
    const found = held.get(object.hash);
    if (!found) return activity.during(object, read);
    met.add(object.hash);
    return passedOver(problemOf(found));
  };
  return {
    reading,
    async settle() {
      const left = [...held.keys()].filter((hash) => !met.has(hash));
      if (left.length === 0) return;
      for (const hash of left) held.delete(hash);
      await save(file, [...held.values()], log);
    },
  };
}

const problemOf = ({ since }: Quarantined): Problem => buildProblem('Quarantined', { since });

const isQuarantined = (value: unknown): value is Quarantined =>
  typeof value === 'object' &&
  value !== null &&
  ['hash', 'name', 'since'].every((key) => typeof (value as Record<string, unknown>)[key] === 'string');

function load(file: string, log: Logger): Map<string, Quarantined> {
  let problem: string;
  try {
    const read = readJsonObject(readFileSync(file, 'utf8'), configLimits);
    const objects = read.ok ? read.value['objects'] : undefined;
    if (Array.isArray(objects) && objects.every(isQuarantined)) {
      const kept = objects.slice(-maxObjects).map((one) => ({ ...one, since: printable(one.since, 30) }));
      if (kept.length > 0)
        log.warn('objects are in quarantine: they are skipped until they change', {
          file,
          objects: kept.map(({ name }) => name),
        });
      return new Map(kept.map((one) => [one.hash, one]));
    }
    problem = read.ok ? 'expected {"objects": [{"hash", "name", "since"}]}' : read.error.message;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') {
      reserve(file, log);
      return new Map();
    }
    problem = messageOf(thrown);
  }
  log.warn("the quarantine can't be read: no object is skipped", { file, problem });
  return new Map();
}

/** Creates an empty quarantine file in advance: by the time the process hangs, the disk may be full. */
function reserve(file: string, log: Logger): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, textOf([]), { mode: 0o600, flag: 'wx' });
  } catch (thrown) {
    log.warn("the quarantine can't be written: an object that hangs the process will do so again after a restart", {
      file,
      problem: messageOf(thrown),
    });
  }
}

/** If the file can't be written, a released object is looked for again at the next start. */
async function save(file: string, objects: readonly Quarantined[], log: Logger): Promise<void> {
  try {
    await replaceFile(file, { text: textOf(objects), mode: 0o600 });
  } catch (thrown) {
    log.warn("the quarantine can't be written", { file, problem: messageOf(thrown) });
  }
}
