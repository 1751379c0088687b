// A text from outside is read within limits.
export const unbounded = (text: string): unknown => JSON.parse(text); // refused: no-restricted-properties
export const integer = (text: string): number => parseInt(text, 10); // refused: no-restricted-globals
