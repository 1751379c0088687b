import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  configLimits,
  messageOf,
  readYaml,
  type OptionsOf,
  type Result,
  type Setting,
  type Settings,
} from '@flotilla/std';

export interface Program<S extends Settings> {
  readonly name: string;
  readonly describe: string;
  readonly settings: S;
}

const flagOf = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const envOf = (name: string, key: string): string => `${name}-${flagOf(key)}`.replaceAll('-', '_').toUpperCase();

/**
 * The options of a program: a flag over the environment over the file that `--config-file` names (YAML, keys as flags
 * without dashes) over the default. Prints help or what is wrong, and throws commander's CommanderError: `exitCode` 0
 * after help.
 */
export function parseOptions<S extends Settings>(
  { name, describe, settings }: Program<S>,
  args: readonly string[],
): OptionsOf<S> {
  const command = new Command(name)
    .description(describe)
    .allowExcessArguments(false)
    .showHelpAfterError(`(${name} --help lists all flags)`)
    .exitOverride();
  const file = new Option('--config-file <path>', 'YAML with these options, keys as the flags without dashes').env(
    envOf(name, 'configFile'),
  );
  command.addOption(file);
  for (const [key, setting] of Object.entries(settings)) {
    const value = setting.isSwitch ? '[true|false]' : `<${setting.metavar}>`;
    const option = new Option(`--${flagOf(key)} ${value}`, setting.describe)
      .default(setting.value, setting.written)
      .env(setting.env ?? envOf(name, key))
      .argParser(parserOf(setting));
    command.addOption(setting.isSwitch ? option.preset('true') : option);
    if (setting.isSwitch && setting.value === true)
      command.addOption(new Option(`--no-${flagOf(key)}`, `turns --${flagOf(key)} off`));
  }
  command.parse([...args], { from: 'user' });
  const path = command.opts<{ configFile?: string }>().configFile;
  if (path !== undefined) applyFile(command, settings, path);
  return command.opts<OptionsOf<S>>();
}

/** A list grows with each use of its flag; other settings are replaced. */
function parserOf<T>(setting: Setting<T>): (text: string) => T {
  let gathered: unknown[] = [];
  return (text) => {
    const value = checked(setting, text);
    if (!setting.isList) return value;
    gathered = [...gathered, ...(value as unknown[])];
    return gathered as T;
  };
}

function checked<T>(setting: Setting<T>, text: string): T {
  try {
    return setting.parse(text);
  } catch (thrown) {
    throw new InvalidArgumentError(messageOf(thrown));
  }
}

function applyFile(command: Command, settings: Settings, path: string): void {
  const fail = (message: string): never => command.error(`error: ${path}: ${message}`);
  let read: Result<unknown, { readonly message: string }>;
  try {
    read = readYaml(readFileSync(path, 'utf8'), configLimits);
  } catch (thrown) {
    return fail(messageOf(thrown));
  }
  if (!read.ok) return fail(read.error.message);
  const content = read.value ?? {};
  if (typeof content !== 'object' || Array.isArray(content)) return fail('expected a mapping of options');
  const known = new Map(Object.keys(settings).map((key) => [flagOf(key), key]));
  for (const [flag, value] of Object.entries(content as Record<string, unknown>)) {
    const key = known.get(flag);
    const setting = key === undefined ? undefined : settings[key];
    if (key === undefined || setting === undefined)
      return fail(`unknown option ${flag}; there are: ${[...known.keys()].join(', ')}`);
    if (!['default', 'implied'].includes(command.getOptionValueSource(key) ?? 'default')) continue;
    const texts = (Array.isArray(value) && setting.isList ? value : [value]).map(String);
    try {
      const values = texts.map((text) => setting.parse(text));
      command.setOptionValueWithSource(key, setting.isList ? (values as unknown[][]).flat() : values[0], 'config');
    } catch (thrown) {
      return fail(`${flag}: ${messageOf(thrown)}`);
    }
  }
}
