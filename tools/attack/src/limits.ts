import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { reviewLimits } from '@flotilla/injector-server';
import { annotationLimits, configLimits, documentLimits, type YamlLimits } from '@flotilla/std';
import { checkout } from '@flotilla/tool-control-plane';

const apps = ['pilot', 'galley', 'citadel', 'sidecar-injector', 'istiod'] as const;
/** A limit as an app's help has it. */
interface Limit {
  readonly flag: string;
  readonly value: string;
  readonly describe: string;
  readonly apps: readonly string[];
}

/**
 * Settings of numbers and times: ` --flag <number> what it is (default: 5, env: X)`, in lines as wide as the terminal.
 */
function limitsIn(help: string): readonly Omit<Limit, 'apps'>[] {
  return help
    .split('\n  --')
    .slice(1)
    .flatMap((text) => {
      const [flag = '', metavar, ...words] = text
        .split(' ')
        .map((word) => word.trim())
        .filter((word) => word !== '');
      const [describe = '', value = ''] = words.join(' ').split(' (default: ');
      return metavar === '<number>' || metavar === '<duration>'
        ? [{ flag: `--${flag}`, describe, value: value.split(/[,)]/)[0]?.replaceAll('"', '') ?? '' }]
        : [];
    });
}

/** Every limit that is a setting, with its default, as a table in Markdown. */
export async function limitTable(): Promise<string> {
  const found = new Map<string, Limit>();
  const helps = await Promise.all(
    apps.map((app) =>
      promisify(execFile)(process.execPath, [join(checkout, `apps/${app}/src/main.ts`), '--help'], {
        env: { ...process.env, NO_COLOR: '1' },
      }),
    ),
  );
  for (const [i, app] of apps.entries()) {
    const { stdout: help = '' } = helps[i] ?? {};
    for (const { flag, value, describe } of limitsIn(help)) {
      const id = `${flag} ${value}`;
      found.set(id, { flag, value, describe, apps: [...(found.get(id)?.apps ?? []), app] });
    }
  }
  const names = (limited: readonly string[]): string => (limited.length === apps.length ? 'all' : limited.join(', '));
  const rows = [...found.values()]
    .sort((a, b) => (a.flag < b.flag ? -1 : 1))
    .map(({ flag, value, describe, apps: limited }) => `| \`${flag}\` | ${value} | ${describe} | ${names(limited)} |`);
  return ['| setting | default | what it limits | apps |', '|---|---|---|---|', ...rows].join('\n');
}

/** What YAML and JSON from outside may hold, as a table in Markdown. */
export function fileLimitTable(): string {
  const { length, depth, nodes, keys, scalarLength } = reviewLimits;
  const kinds: readonly (readonly [string, Partial<YamlLimits>])[] = [
    ['file of configuration', documentLimits],
    ['annotation', annotationLimits],
    ['mesh configuration', configLimits],
    ['body at the webhook', { length, depth, nodes, keys, scalarLength }],
  ];
  const names = Object.keys(documentLimits) as (keyof YamlLimits)[];
  const rows = names.map(
    (name) =>
      `| ${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)} | ${kinds.map(([, limits]) => limits[name] ?? '-').join(' | ')} |`,
  );
  return [`| | ${kinds.map(([kind]) => kind).join(' | ')} |`, `|---|${'---:|'.repeat(kinds.length)}`, ...rows].join(
    '\n',
  );
}
