/**
 * A text without the characters at its end that are `character`; an expression such as /\/+$/ takes quadratic time for
 * it.
 */
export function withoutTrailing(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end -= 1;
  return text.slice(0, end);
}
