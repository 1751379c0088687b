/** A mistake that the user can mend; ends the program with exit code 2. */
export class Unmet extends Error {}
