/** Runs of queries, a few dozen microseconds each, before everything else in the process has its turn. */
export const runsPerPiece = 2000;
