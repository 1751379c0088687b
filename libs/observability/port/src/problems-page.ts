import { jsonAnswer, textAnswer, type Page } from './page.ts';

/** The fields of a problem that the page for people shows; the page in JSON has all fields. */
interface ShownProblem {
  readonly code: string;
  readonly level: 'error' | 'warning' | 'info';
  readonly message: string;
  /** Where the object was read from. */
  readonly origin?: string;
  /** The object. */
  readonly resource?: string;
  /** The field. */
  readonly path?: string;
  /** The proxies' resource that could not be generated. */
  readonly member?: string;
  /** The objects that it is generated from. */
  readonly objects?: readonly string[];
}

/** The most problems on a page, errors before warnings, because a page is written in one go. */
const maxShown = 1000;
const levels = ['error', 'warning', 'info'] as const;

/** /debug/problems: lines for people, or JSON with `more` for the number of problems that are not shown. */
export const problemsPage = (problems: () => readonly ShownProblem[]): Page => ({
  summary: 'what is wrong, with the object and the place; ?json for programs',
  answer({ wantsJson }) {
    const all = problems();
    const shown = all.length <= maxShown ? all : levels.flatMap((level) => all.filter((one) => one.level === level));
    const first = shown.slice(0, maxShown);
    const more = all.length - first.length;
    if (wantsJson) return jsonAnswer({ problems: first, ...(more > 0 ? { more } : {}) });
    if (all.length === 0) return textAnswer(['no problems']);
    return textAnswer([...first.map(lineOf), ...(more > 0 ? [`... and ${more} more`] : [])]);
  },
});

/** `error IST0106 mesh.yaml#2 ServiceEntry shop/a spec.hosts[0]: invalid host *`. */
function lineOf({ level, code, message, origin, resource, member, path, objects = [] }: ShownProblem): string {
  const place = [level, code, origin, resource, member, path].filter((part) => part !== undefined && part !== '');
  const sources = objects.length > 0 ? `; made from ${objects.join(', ')}` : '';
  return `${place.join(' ')}: ${message}${sources}`;
}
