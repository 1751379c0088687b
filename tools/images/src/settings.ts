import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder of this checkout. */
export const checkout = join(import.meta.dirname, '../../..');
/** The Node binary of the toolchain. */
export const nodeProgram = join(checkout, `.cache/toolchain/node_modules/node-linux-${process.arch}/bin/node`);
/** A program that tools/setup downloads; the same environment variables override its path. */
export const fetchedProgram = (name: 'envoy' | 'nats-server'): string =>
  process.env[name === 'envoy' ? 'ENVOY_BIN' : 'NATS_SERVER_BIN'] ?? join(checkout, '.cache/bin', name);

/** Debian packages and packed layers, for all checkouts on this machine. */
export const cacheFolder = (): string => {
  const { FLOTILLA_CACHE: given, XDG_CACHE_HOME: user } = process.env;
  return join(given ?? join(user ?? join(homedir(), '.cache'), 'flotilla'), 'images');
};
export const defaultHub = 'localhost/flotilla';
export const defaultTag = 'dev';
