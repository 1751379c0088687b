/** A revision as one token of a subject: what NATS would read as structure is written as its code. */
const token = (revision: string): string =>
  revision.replace(/[^A-Za-z0-9-]/g, (character) => `_${character.charCodeAt(0).toString(16)}`);

/** The stream of one control-plane revision (`istio.io/rev`). */
export const streamName = (revision: string): string => `flotilla-${token(revision)}`;
/** Where a writer publishes its entries; `*` for all writers. */
export const logSubject = (revision: string, term: string): string => `flotilla.${token(revision)}.log.${term}`;
/** Where the stream announces each message that it has stored, without its content. */
export const feedSubject = (revision: string): string => `flotilla.${token(revision)}.feed`;
/** JetStream's API to read messages of the stream without a consumer. */
export const directGetSubject = (revision: string): string => `$JS.API.DIRECT.GET.${streamName(revision)}`;
/** Where a writer answers that it is there; `*` for all writers. */
export const writerSubject = (revision: string, term: string): string => `flotilla.${token(revision)}.writer.${term}`;
/** Where a user sends its reports to galley; `*` for all users. */
export const reportSubject = (revision: string, user: string): string =>
  `flotilla.${token(revision)}.report.${user === '*' ? user : token(user)}`;
/** The writer's name in a subject, from the name of its pod or host. */
export const writerName = (instance: string): string => token(instance).slice(0, 64);
/** Each user has inboxes of its own, so that nobody can listen to another's replies. */
export const inboxPrefix = (user: string): string => `_INBOX_${token(user)}`;
