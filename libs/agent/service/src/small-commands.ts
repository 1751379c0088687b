import { request } from '@flotilla/agent-health';
import type { FlagSpec } from '@flotilla/agent-iptables';
import { parseFlags } from '@flotilla/agent-iptables';
import { messageOf } from '@flotilla/std';

export const waitFlags: readonly FlagSpec[] = [
  { name: 'timeoutSeconds', fallback: '60', usage: 'how long to wait' },
  { name: 'periodMillis', fallback: '500', usage: 'pause between attempts' },
  { name: 'requestTimeoutMillis', fallback: '500', usage: 'how long one attempt may take' },
  { name: 'url', fallback: 'http://localhost:15021/healthz/ready', usage: 'address that is requested' },
  { name: 'log_output_level', fallback: '', usage: 'log levels' },
];

/** `pilot-agent wait`: until the proxy is ready. Resolves with the exit code. */
export async function waitCommand(args: readonly string[]): Promise<number> {
  const parsed = parseFlags(waitFlags, args);
  if (!parsed.ok) return fail(parsed.error);
  const flag = (name: string): string =>
    parsed.value.flags.get(name) ?? waitFlags.find((spec) => spec.name === name)?.fallback ?? '';
  const [timeoutSeconds, periodMs, timeoutMs] = [
    Number(flag('timeoutSeconds')),
    Number(flag('periodMillis')),
    Number(flag('requestTimeoutMillis')),
  ];
  if (
    !URL.canParse(flag('url')) ||
    ![timeoutSeconds, periodMs, timeoutMs].every((number) => number > 0 && Number.isFinite(number))
  )
    return fail('--url must be an address, the times positive numbers');
  const url = new URL(flag('url'));
  const deadline = Date.now() + timeoutSeconds * 1000;
  let reason = '';
  while (Date.now() < deadline) {
    try {
      const { status } = await request({
        host: url.hostname,
        port: Number(url.port || 80),
        path: url.pathname + url.search,
        timeoutMs,
        maxBytes: 1 << 20,
      });
      if (status === 200) return 0;
      reason = `HTTP status code ${status}`;
    } catch (thrown) {
      reason = messageOf(thrown);
    }
    await new Promise((resolve) => setTimeout(resolve, periodMs));
  }
  return fail(`timeout waiting for Envoy proxy to become ready. Last error: ${reason}`);
}

export const requestFlags: readonly FlagSpec[] = [
  { name: 'debug-port', fallback: '15000', usage: "port of Envoy's admin interface" },
  { name: 'log_output_level', fallback: '', usage: 'log levels' },
];

/** `pilot-agent request METHOD PATH [BODY]`: sends a request to Envoy's admin interface and prints the answer. */
export async function requestCommand(args: readonly string[], print: (text: string) => void): Promise<number> {
  const parsed = parseFlags(requestFlags, args);
  if (!parsed.ok) return fail(parsed.error);
  const [method = '', path = '', body] = parsed.value.rest;
  if (!/^[A-Za-z]+$/.test(method) || path === '') return fail('usage: pilot-agent request METHOD PATH [BODY]');
  const port = Number(parsed.value.flags.get('debug-port') ?? '15000');
  try {
    const answer = await request({
      host: 'localhost',
      port,
      path: path.startsWith('/') ? path : `/${path}`,
      method: method.toUpperCase(),
      timeoutMs: 60_000,
      maxBytes: 512 << 20,
      ...(body === undefined ? {} : { body }),
    });
    if (answer.status >= 400)
      return fail(`failed executing Envoy ${method.toUpperCase()} request ${path}: status ${answer.status}`);
    print(answer.body.toString('utf8'));
    return 0;
  } catch (thrown) {
    return fail(`command failed: ${messageOf(thrown)}`);
  }
}

function fail(message: string): number {
  process.stderr.write(`Error: ${message}\n`);
  return 255;
}
