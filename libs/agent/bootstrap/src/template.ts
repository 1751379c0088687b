import { err, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';

/** Fills `{{ .name }}` of an own bootstrap template. Other template actions and unknown names are refused. */
export function fillTemplate(text: string, values: Readonly<Record<string, string>>): Result<string> {
  let problem: string | undefined;
  const filled = text.replace(/\{\{([^{}]*)\}\}/g, (_, inside: string) => {
    const action = inside.replace(/^-/, '').replace(/-$/, '').trim();
    const name = /^\.([A-Za-z_]\w*)$/.exec(action)?.[1];
    const value = name === undefined || !Object.hasOwn(values, name) ? undefined : values[name];
    if (value === undefined)
      problem ??= `{{ ${action} }} is not one of ${Object.keys(values)
        .map((known) => `{{ .${known} }}`)
        .join(', ')}`;
    return value ?? '';
  });
  return problem ? err(`bootstrap template: ${problem}`) : ok(filled);
}
