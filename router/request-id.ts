import { randomUUID } from 'node:crypto';

/** What a client may choose as its request's id: it goes into headers and logs. */
const acceptable = /^[\w.:/+=@-]{1,128}$/;

/** The client's x-request-id when it can be used, else a new one. */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === 'string' && acceptable.test(header) ? header : `req_${randomUUID()}`;
}
