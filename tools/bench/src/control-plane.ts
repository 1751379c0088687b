import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { endsWithThis } from './child.ts';
import type { Mode } from './result.ts';

const root = resolve(import.meta.dirname, '../../..');
const monitoringPort = 15_014;
const startLimitMs = 60_000;
const stopLimitMs = 5000;
/** So much of what a process has said is told when it fails. */
const maxSaid = 2000;

export interface ControlPlane {
  /** Where it serves xDS in plain text. */
  readonly address: string;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}
export interface ControlPlaneOptions {
  readonly mode: Mode;
  /** The mesh's files. */
  readonly config: string;
  /** For certificates, tokens and streams; a new one for each start. */
  readonly state: string;
}

/** A program of this checkout, running. */
class Service {
  readonly name: string;
  readonly process: ChildProcess;
  #said = '';

  constructor(name: string, program: string, flags: Readonly<Record<string, string>>) {
    this.name = name;
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    this.process = endsWithThis(spawn(process.execPath, [join(root, program), ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] }));
    for (const stream of [this.process.stdout, this.process.stderr]) stream?.on('data', (text: Buffer) => (this.#said = (this.#said + text.toString()).slice(-maxSaid)));
  }

  /** Throws when it ends or is not ready in time. */
  async ready(address: string): Promise<void> {
    for (const until = Date.now() + startLimitMs; Date.now() < until; await pause(50)) {
      if (this.process.exitCode !== null) throw new Error(`${this.name} ended with exit code ${this.process.exitCode}: ${this.#said}`);
      const answer = await fetch(`http://${address}:${monitoringPort}/ready`).catch(() => undefined);
      if (answer?.ok) return;
    }
    throw new Error(`${this.name} was not ready within ${startLimitMs / 1000} s: ${this.#said}`);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), stopLimitMs);
    await ended;
    clearTimeout(timer);
  }
}

/** Starts a control plane of either shape on loopback addresses of its own, so that several can run side by side. Throws when it does not become ready. */
export async function startControlPlane({ mode, config, state }: ControlPlaneOptions): Promise<ControlPlane> {
  mkdirSync(state, { recursive: true });
  const services: Service[] = [];
  const stop = async (): Promise<void> => {
    for (const service of services.reverse()) await service.stop();
  };
  const address = (n: number): string => `127.${64 + process.pid % 64}.${Math.floor(process.pid / 64) % 256}.${n}`;
  const start = (name: string, n: number, { program = `apps/${name}/src/main.ts`, flags }: { program?: string; flags: Readonly<Record<string, string>> }): Service => {
    const service = new Service(name, program, { bind: address(n), ...flags });
    services.push(service);
    return service;
  };
  const ca = { 'root-file': join(state, 'root.pem'), 'root-cert-out': join(state, 'root-cert.pem'), 'bootstrap-tokens-file': join(state, 'tokens.json') };
  try {
    if (mode === 'monolith') {
      await start('istiod', 6, { flags: { ...ca, 'config-dir': config } }).ready(address(6));
      return { address: `${address(6)}:15010`, pids: services.flatMap((service) => service.process.pid ?? []), stop };
    }
    const passwords = Object.fromEntries(['galley', 'pilot'].map((name) => [name, randomBytes(24).toString('base64url')]));
    const secret = (name: string, text: string): string => {
      writeFileSync(join(state, name), text, { mode: 0o600 });
      return join(state, name);
    };
    const identity = { citadel: `${address(4)}:15022`, 'bootstrap-token-file': ca['bootstrap-tokens-file'], 'root-cert-file': ca['root-cert-out'] };
    const bus = (name: string) => ({ ...identity, bus: 'nats', 'nats-server': `${address(1)}:4222`, 'nats-password-file': secret(`${name}.password`, passwords[name] ?? '') });
    secret('tokens.json', JSON.stringify(Object.fromEntries(['galley', 'pilot', 'nats'].map((name) => [name, randomBytes(24).toString('base64url')]))));
    await start('citadel', 4, { flags: ca }).ready(address(4));
    start('nats', 1, { program: 'tools/demo/src/node/nats-server.ts', flags: { ...identity, folder: state, 'passwords-file': secret('passwords.json', JSON.stringify(passwords)) } });
    const galley = start('galley', 3, { flags: { ...bus('galley'), 'config-dir': config } });
    const pilot = start('pilot', 2, { flags: bus('pilot') });
    await Promise.all([galley.ready(address(3)), pilot.ready(address(2))]);
    return { address: `${address(2)}:15010`, pids: services.flatMap((service) => service.process.pid ?? []), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
