/** A mistake that the user can correct; ends the program with exit code 2. */
export class Unmet extends Error {}
