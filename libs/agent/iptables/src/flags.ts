import { parseBool } from '@flotilla/rules';
import { err, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import type { FlagSpec } from './iptables-settings.ts';

/**
 * Reads `--name value`, `--name=value`, `-n value` and booleans as Istio's commands do. Returns values by flag name and
 * what is left, or the mistake; a flag that is not known is one, unless it is to be ignored.
 */
export function parseFlags(
  specs: readonly FlagSpec[],
  args: readonly string[],
  { ignoreUnknown = false }: { readonly ignoreUnknown?: boolean } = {},
): Result<{ flags: ReadonlyMap<string, string>; rest: readonly string[] }> {
  const flags = new Map<string, string>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    if (arg === '--') return ok({ flags, rest: [...rest, ...args.slice(i + 1)] });
    if (!arg.startsWith('-') || arg === '-') {
      rest.push(arg);
      continue;
    }
    const long = arg.startsWith('--');
    const equals = arg.indexOf('=');
    const named = arg.slice(long ? 2 : 1, equals < 0 ? undefined : equals);
    const spec = specs.find((item) => (long ? item.name === named : item.short === named[0]));
    if (!spec && ignoreUnknown) {
      // What follows may be its value.
      if (equals < 0 && args[i + 1]?.startsWith('-') === false) i += 1;
      continue;
    }
    if (!spec) return err(long ? `unknown flag: --${named}` : `unknown shorthand flag: '${named[0]}' in ${arg}`);
    if (equals >= 0) {
      const value = arg.slice(equals + 1);
      const truth = spec.boolean ? parseBool(value) : undefined;
      if (truth?.ok === false) return err(`invalid argument "${value}" for "${flagName(spec)}" flag: ${truth.error}`);
      flags.set(spec.name, value);
    } else if (!long && named.length > 1 && !spec.boolean) flags.set(spec.name, named.slice(1));
    else if (spec.boolean) flags.set(spec.name, 'true');
    else if (i + 1 < args.length) flags.set(spec.name, args[++i] ?? '');
    else return err(`flag needs an argument: ${arg}`);
  }
  return ok({ flags, rest });
}

const flagName = ({ name, short }: FlagSpec): string => (short ? `-${short}, --${name}` : `--${name}`);
