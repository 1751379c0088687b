import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseBootstrapTokens, type BootstrapTokens } from '@flotilla/citadel-identity';
import type { Logger } from '@flotilla/observability-port';
import { messageOf, ok, type Clock } from '@flotilla/std';
import { createFile, replaceFile } from '@flotilla/stored-file';
import { createFileValue } from './file-value.ts';

/** The services that need a certificate before anything else can vouch for them. */
const services = ['galley', 'nats', 'pilot', 'sidecar-injector'];
/** How often the age of tokens is checked: timers may be late, and clocks jump. */
const checkMs = 60_000;

export interface BootstrapTokensOptions {
  readonly path: string;
  /**
   * How long a token is valid: from its creation, or, in a file without that, from when the file was written.
   */
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}
export interface KeptBootstrapTokens {
  current(): BootstrapTokens;
  /** Stops replacing tokens. */
  close(): void;
}

/** No bootstrap tokens, for installations where services have tokens of their ServiceAccounts. */
export const noBootstrapTokens: KeptBootstrapTokens = { current: () => [], close: () => {} };

/**
 * The control plane's bootstrap tokens in a file of mode 0600: a process that can read it can join the control plane.
 * Creates the file if it is missing. Tokens that were created here are replaced at half of their life, which ends the
 * old ones at once: services read the file at each attempt, and renew by their certificates. Tokens that somebody else
 * wrote are not replaced, and expire by the file's age. If the file can't be written, that is logged, and its tokens
 * stay valid until they expire.
 */
export async function keepBootstrapTokens({
  path,
  ttlMs,
  clock,
  log,
}: BootstrapTokensOptions): Promise<KeptBootstrapTokens> {
  const complain = (message: string): void => log.error('the last good version stays in force', { problem: message });
  const read = createFileValue(
    path,
    (text, modified) => {
      const parsed = parseBootstrapTokens(text);
      return parsed.ok ? ok(parsed.value.map((token) => ({ expires: modified + ttlMs, ...token }))) : parsed;
    },
    complain,
  );
  const text = (): string =>
    `${JSON.stringify(Object.fromEntries(services.map((service) => [service, tokenUntil(clock.now() + ttlMs)])), null, 1)}\n`;
  const check = async (): Promise<void> => {
    try {
      const made = await createFile(path, { text: text(), mode: 0o600 });
      if (made === 'kept' && (await isDue(path, { ttlMs, now: clock.now() }))) {
        await replaceFile(path, { text: text(), mode: 0o600 });
        log.info('bootstrap tokens replaced', { file: path });
      }
    } catch (thrown) {
      log.error(
        'bootstrap tokens cannot be replaced: once these have expired, services that start get no certificate',
        {
          file: path,
          problem: messageOf(thrown),
        },
      );
    }
  };
  let cancel = (): void => {};
  const again = (): void => {
    cancel = clock.after(checkMs, () => void check().then(again));
  };
  await check();
  again();
  return { current: () => read() ?? [], close: () => cancel() };
}

const tokenUntil = (expires: number): { readonly token: string; readonly expires: string } => ({
  token: randomBytes(32).toString('base64url'),
  expires: new Date(expires).toISOString(),
});

/**
 * Were all of these tokens made here, and is one of them past half of its life, or, after a clock was set back, further
 * in the future than any is made?
 */
async function isDue(path: string, { ttlMs, now }: { readonly ttlMs: number; readonly now: number }): Promise<boolean> {
  const parsed = parseBootstrapTokens(await readFile(path, 'utf8'));
  if (!parsed.ok || parsed.value.some(({ expires }) => expires === undefined)) return false;
  return parsed.value.some(({ expires = 0 }) => expires - now < ttlMs / 2 || expires - now > ttlMs);
}
