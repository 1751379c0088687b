import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program, type Flags, type ProgramOptions } from './program.ts';

export type Mode = 'fleet' | 'monolith';
const fleet = ['citadel', 'nats', 'galley', 'pilot', 'sidecar-injector'] as const;
export type AppName = (typeof fleet)[number] | 'istiod';
export interface ControlPlaneOptions {
  readonly mode: Mode;
  /** The mesh's files. */
  readonly config: string;
  /** For certificates, tokens and streams; a new one for each start. */
  readonly state: string;
  /** Flags of an app beside those that connect it to the others. */
  readonly flags?: Partial<Readonly<Record<AppName, Flags>>>;
  /** Services that it goes without. */
  readonly without?: readonly AppName[];
}
export interface Beside extends Pick<ProgramOptions, 'name' | 'env' | 'wrapper'> {
  readonly flags?: Flags;
}
export interface ControlPlane {
  /** Where it serves xDS in plain text. */
  readonly address: string;
  readonly pids: readonly number[];
  /** The processes in the order in which they were started. */
  readonly programs: readonly Program[];
  /**
   * A program that has not been started, on an address of its own, with the flags of an app of this control plane under
   * others.
   */
  beside(app: AppName, more: Beside): Program;
  stop(): Promise<void>;
}

const random = (): string => randomBytes(24).toString('base64url');

/**
 * Starts a control plane of either shape on loopback addresses of its own, so that several can run side by side. Throws
 * when it does not become ready.
 */
export async function startControlPlane({
  mode,
  config,
  state,
  flags = {},
  without = [],
}: ControlPlaneOptions): Promise<ControlPlane> {
  mkdirSync(state, { recursive: true });
  const [n, m] = [64 + (process.pid % 64), Math.floor(process.pid / 64) % 256];
  const address = (last: number): string => `127.${n}.${m}.${last}`;
  const places: Readonly<Record<AppName, number>> = {
    nats: 1,
    pilot: 2,
    galley: 3,
    citadel: 4,
    'sidecar-injector': 5,
    istiod: 6,
  };
  const own = flagsOf(mode, { config, state, address: (app) => address(places[app]) });
  let last = 10;

  const create = (app: AppName, at: number, { name, flags: more = {}, ...others }: Beside): Program =>
    new Program({
      name,
      address: address(at),
      logFile: join(state, `${name}.log`),
      hasChildren: app === 'nats',
      ...others,
      file: `apps/${app}/src/main.ts`,
      flags: { bind: address(at), ...own[app], ...flags[app], ...more },
    });
  const apps: readonly AppName[] = (mode === 'monolith' ? (['istiod'] as const) : fleet).filter(
    (app) => !without.includes(app),
  );
  const programs = apps.map((app) => create(app, places[app], { name: app }));
  const besides: Program[] = [];
  const stop = async (): Promise<void> => {
    for (const program of [...programs, ...besides].reverse()) await program.stop();
  };
  try {
    const [first, ...others] = programs;
    first?.start();
    await first?.ready();
    for (const program of others) program.start();
    await Promise.all(others.map((program) => program.ready()));
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return {
    address: `${address(places[mode === 'monolith' ? 'istiod' : 'pilot'])}:15010`,
    get pids() {
      return programs.flatMap(({ pid }) => pid ?? []);
    },
    programs,
    beside(app, more) {
      const program = create(app, (last += 1), more);
      besides.push(program);
      return program;
    },
    stop,
  };
}

interface Places {
  readonly config: string;
  readonly state: string;
  readonly address: (app: AppName) => string;
}

/** What connects the apps to each other; writes the secrets that they need for it. */
function flagsOf(mode: Mode, { config, state, address }: Places): Partial<Record<AppName, Flags>> {
  const file = (name: string): string => join(state, name);
  const secret = (name: string, text: string): string => {
    writeFileSync(file(name), text, { mode: 0o600 });
    return file(name);
  };
  const ca = {
    'root-file': file('root.pem'),
    'root-cert-out': file('root-cert.pem'),
    'bootstrap-tokens-file': file('tokens.json'),
  };
  if (mode === 'monolith') return { istiod: { ...ca, 'config-dir': config } };
  const users = ['galley', 'pilot', 'sidecar-injector'];
  secret('tokens.json', JSON.stringify(Object.fromEntries([...users, 'nats'].map((name) => [name, random()]))));
  const identity = {
    citadel: `${address('citadel')}:15022`,
    'bootstrap-token-file': ca['bootstrap-tokens-file'],
    'root-cert-file': ca['root-cert-out'],
  };
  const bus: Flags = { ...identity, bus: 'nats', 'nats-server': `${address('nats')}:4222` };
  return {
    citadel: ca,
    nats: { ...identity, 'store-dir': file('store'), 'run-dir': file('nats') },
    galley: { ...bus, 'config-dir': config },
    pilot: bus,
    'sidecar-injector': bus,
  };
}
