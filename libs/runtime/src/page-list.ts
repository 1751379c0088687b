import { textAnswer, type PageAnswer, type Pages } from '@flotilla/observability-port';

/** The pages of a service, each with its summary: as links for a browser, else as lines of text. */
export function listOfPages(service: string, pages: Pages, { isHtml }: { readonly isHtml: boolean }): PageAnswer {
  const entries = Object.entries(pages).sort(([first], [second]) => (first < second ? -1 : 1));
  if (!isHtml) {
    const width = Math.max(...entries.map(([path]) => path.length));
    return textAnswer([
      `${service}: pages`,
      ...entries.map(([path, { summary }]) => `  ${path.padEnd(width)}  ${summary}`),
    ]);
  }
  const rows = entries.map(
    ([path, { summary }]) => `<tr><td><a href="${path}">${path}</a></td><td>${escaped(summary)}</td></tr>`,
  );
  return {
    contentType: 'text/html; charset=utf-8',
    text: `<!doctype html><title>${escaped(service)}</title><h1>${escaped(service)}</h1><table>${rows.join('\n')}</table>\n`,
  };
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
