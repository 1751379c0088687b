const zero = 0x30;

/** Whether the character at `index` is one of 0 to 9. False past the end. */
export const isDigitAt = (text: string, index: number): boolean => {
  const code = text.charCodeAt(index);
  return code >= zero && code <= zero + 9;
};

/** The index of the first character from `start` on that is not one of 0 to 9. */
export function endOfDigits(text: string, start: number): number {
  let end = start;
  while (isDigitAt(text, end)) end += 1;
  return end;
}
