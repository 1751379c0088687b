/** One thing that can be set, typed once: its text form, its default, what it is for. */
export interface Setting<T> {
  readonly describe: string;
  readonly value: T;
  /** The default as one would write it, where that is not its value. */
  readonly written?: string;
  /** Shown for the value in the help. */
  readonly metavar: string;
  /** Throws with the reason if the text is not valid. */
  parse(text: string): T;
  /** May be given several times; in the environment, separated by commas. */
  readonly isList?: boolean;
  /** Its flag alone means true. */
  readonly isSwitch?: boolean;
  /** The environment's name for it where that is not NAME_OF_APP_NAME_OF_SETTING. */
  readonly env?: string;
}
export type Settings = Readonly<Record<string, Setting<unknown>>>;
export type OptionsOf<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

type Extra = { readonly env?: string };

export const text = (describe: string, value: string, extra: Extra = {}): Setting<string> => ({
  describe,
  value,
  metavar: 'text',
  parse: (given) => given,
  ...extra,
});
/** A text that may be absent. */
export const optionalText = (describe: string, extra: Extra = {}): Setting<string | undefined> => ({
  describe,
  value: undefined,
  metavar: 'text',
  parse: (given) => given,
  ...extra,
});
export const path = (describe: string, value: string, extra: Extra = {}): Setting<string> => ({
  ...text(describe, value, extra),
  metavar: 'path',
});
export const optionalPath = (describe: string, extra: Extra = {}): Setting<string | undefined> => ({
  ...optionalText(describe, extra),
  metavar: 'path',
});
/**
 * A switch: present or not; `true` or `false` in a file or the environment. One that is on by default is turned off by
 * `--no-NAME`.
 */
export const toggle = (describe: string, extra: Extra & { readonly value?: boolean } = {}): Setting<boolean> => ({
  describe,
  value: false,
  metavar: '',
  isSwitch: true,
  parse: parseBoolean,
  ...extra,
});
/** Repeatable; in one text, separated by commas. */
export const list = (
  describe: string,
  value: readonly string[],
  extra: Extra & { readonly metavar?: string } = {},
): Setting<readonly string[]> => ({
  describe: `${describe}; repeatable`,
  value,
  metavar: 'text',
  isList: true,
  parse: (given) =>
    given
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ...extra,
});
export const port = (describe: string, value: number, extra: Extra = {}): Setting<number> => ({
  describe,
  value,
  metavar: 'port',
  parse: parsePort,
  ...extra,
});
/** A whole number of things, at least one. */
export const count = (describe: string, value: number, extra: Extra = {}): Setting<number> => ({
  describe,
  value,
  metavar: 'number',
  parse: parseCount,
  ...extra,
});
/** Milliseconds, written as `90s`, `15m`, `24h` or with `ms`. */
export const duration = (describe: string, value: string, extra: Extra = {}): Setting<number> => ({
  describe,
  value: parseMilliseconds(value),
  written: value,
  metavar: 'duration',
  parse: parseMilliseconds,
  ...extra,
});
/** The same, or `0` for none. */
export const durationOrNone = (describe: string, value: string, extra: Extra = {}): Setting<number> => {
  const parse = (given: string): number => (given === '0' ? 0 : parseMilliseconds(given));
  return { describe, value: parse(value), written: value, metavar: 'duration', parse, ...extra };
};
export const choice = <const C extends string>(
  describe: string,
  choices: readonly C[],
  extra: Extra & { readonly value: NoInfer<C> },
): Setting<C> => ({
  describe: `${describe} (${choices.join(', ')})`,
  metavar: 'name',
  ...extra,
  parse: (given) => {
    const found = choices.find((one) => one === given);
    if (found === undefined) throw new Error(`${JSON.stringify(given)} is not one of ${choices.join(', ')}`);
    return found;
  },
});
/** Some of several choices, each at most once; repeatable, or separated by commas. */
export const choices = <const C extends string>(
  describe: string,
  { choices: all, value, ...extra }: Extra & { readonly choices: readonly C[]; readonly value: readonly NoInfer<C>[] },
): Setting<readonly C[]> => {
  const one = choice(describe, all, { value: all[0] as C });
  const many = list(one.describe, value, { metavar: 'name', ...extra });
  return { ...many, value, parse: (given) => [...new Set(many.parse(given).map((part) => one.parse(part)))] };
};

function parseBoolean(given: string): boolean {
  if (given !== 'true' && given !== 'false') throw new Error(`${JSON.stringify(given)} is neither true nor false`);
  return given === 'true';
}

function parsePort(given: string): number {
  const number = Number(given);
  if (given.trim() === '' || !Number.isInteger(number) || number < 0 || number > 65_535)
    throw new Error(`${JSON.stringify(given)} is not a port: a number from 0 to 65535`);
  return number;
}

function parseCount(given: string): number {
  const number = /^\d{1,9}$/.test(given) ? Number(given) : 0;
  if (number < 1) throw new Error(`${JSON.stringify(given)} is not a whole number from 1 to 999999999`);
  return number;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
function parseMilliseconds(given: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|[smh])$/.exec(given) ?? [];
  const ms = Number(amount) * (units[unit] ?? 0);
  if (ms <= 0) throw new Error(`${JSON.stringify(given)} is not a duration: a number with ms, s, m or h, as in 24h`);
  return ms;
}
