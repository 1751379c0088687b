/** A revision as one token of a subject: what NATS would read as structure is written as its code. */
const token = (revision: string): string => revision.replace(/[^A-Za-z0-9-]/g, (character) => `_${character.charCodeAt(0).toString(16)}`);

/** The stream of one control-plane revision (`istio.io/rev`). */
export const streamName = (revision: string): string => `flotilla-${token(revision)}`;
/** Where its entries are published. */
export const logSubject = (revision: string): string => `flotilla.${token(revision)}.log`;
/** Each user has inboxes of its own, so that nobody can listen to another's replies. */
export const inboxPrefix = (user: string): string => `_INBOX_${token(user)}`;
