import type { Problem } from '../problem.ts';
import { messages, type Message } from './table.ts';

type Name = keyof typeof messages;
type ArgumentOf<Field extends string> = Field extends `${infer Argument}:quoted`
  ? { readonly [N in Argument]: string }
  : Field extends `${infer Argument}:list`
    ? { readonly [N in Argument]: readonly string[] }
    : { readonly [N in Field]: string | number };
/** The arguments that a template has, with their types. */
export type ArgumentsOf<Template extends string> = Template extends `${string}{${infer Field}}${infer Rest}`
  ? ArgumentOf<Field> & ArgumentsOf<Rest>
  : unknown;

/** A problem by its name in the table, at a path of an object. */
export function buildProblem<N extends Name>(
  name: N,
  values: ArgumentsOf<(typeof messages)[N]['template']>,
  path?: string,
): Problem {
  const { code, level, template, remedy }: Message = messages[name];
  const text = fill(template, values as Readonly<Record<string, Value>>);
  return {
    code,
    level,
    message: remedy === undefined ? text : `${text.replace(/\.$/, '')}; ${remedy}`,
    ...(path === undefined ? {} : { path }),
  };
}

type Value = string | number | readonly string[];
function fill(template: string, values: Readonly<Record<string, Value>>): string {
  return template.replace(/\{(\w+)(?::(\w+))?\}/g, (_, name: string, format: string | undefined) => {
    const value = values[name] ?? '';
    if (typeof value === 'object') return `[${value.join(' ')}]`;
    return format === 'quoted' ? JSON.stringify(value) : String(value);
  });
}

/** Of an object that is in force in spite of it: a warning at most, since an error means that the object is refused. */
export const asWarning = (problem: Problem): Problem =>
  problem.level === 'error' ? { ...problem, level: 'warning' } : problem;
