// A variable whose name says nothing.
export const double = (what: number): number => 2 * what; // refused: flotilla/whole-words
