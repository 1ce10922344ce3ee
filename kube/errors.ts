/** metav1.Status, the body of every refusal and of a watch's ERROR event. */
export interface Status {
  kind?: string;
  code?: number;
  reason?: string;
  message?: string;
  details?: { causes?: StatusCause[]; retryAfterSeconds?: number };
}

/** For `Invalid`, the field and what is wrong with it. */
export type StatusCause = { field?: string; reason?: string; message?: string };

/** The API server answered, and the answer is a refusal. */
export class KubeApiError extends Error {
  override name = 'KubeApiError';
  /** HTTP status code. */
  readonly status: number;
  /** metav1.StatusReason, such as `NotFound`; '' when the answer was not a Status. */
  readonly reason: string;
  readonly causes: readonly StatusCause[];
  /** How long the server asks to wait, from Retry-After or the Status. */
  readonly retryAfterMs: number | undefined;

  constructor(request: string, httpStatus: number, status: Status, retryAfterMs?: number) {
    const { code = httpStatus, reason = '', message = '', details } = status;
    super(`${request}: ${code} ${reason} ${message}`);
    this.status = code;
    this.reason = reason;
    this.causes = details?.causes ?? [];
    this.retryAfterMs = retryAfterMs ?? ((details?.retryAfterSeconds ?? 0) * 1000 || undefined);
  }
}

/** No complete answer came: refused or broken connection, failed TLS handshake, deadline passed. */
export class KubeConnectionError extends Error {
  override name = 'KubeConnectionError';
  /** `timeout` when the call's own deadline passed. */
  readonly code: 'timeout' | 'connection';
  /** Whether any byte of the request may have reached the server; false means that a repeat is safe. */
  readonly sent: boolean;

  constructor(request: string, code: 'timeout' | 'connection', sent: boolean, cause?: unknown) {
    const what = code === 'timeout' ? 'no answer within its deadline' : 'connection failed';
    super(`${request}: ${what}${cause instanceof Error ? `: ${cause.message}` : ''}`, { cause });
    this.code = code;
    this.sent = sent;
  }
}

/** A write was held back because this process is not, or no longer, the leader. Remedy: let the process end. */
export class FencedError extends Error {
  override name = 'FencedError';
  constructor(request: string) {
    super(`${request}: not sent, this process does not hold the lease`);
  }
}

const is = (error: unknown, status: number, reason?: string): boolean =>
  error instanceof KubeApiError &&
  error.status === status &&
  (reason === undefined || error.reason === reason);

/** 404: the object, or its kind, does not exist. */
export const isNotFound = (error: unknown): boolean => is(error, 404);
/** 409 on an update: the object changed in between, or another manager owns a field. */
export const isConflict = (error: unknown): boolean => is(error, 409, 'Conflict');
/** 409 on a create: the name is taken. */
export const isAlreadyExists = (error: unknown): boolean => is(error, 409, 'AlreadyExists');
/** 410: the resourceVersion or continue token is too old. */
export const isGone = (error: unknown): boolean => is(error, 410);
/** 422: validation refused the object; `causes` name the fields. */
export const isInvalid = (error: unknown): boolean => is(error, 422);
/** 403: RBAC, quota or admission refused the call. */
export const isForbidden = (error: unknown): boolean => is(error, 403);
/** The asked resourceVersion lies ahead of what this server knows (client-go, isTooLargeResourceVersionError). */
export const isTooLargeResourceVersion = (error: unknown): boolean =>
  error instanceof KubeApiError &&
  error.causes.some(({ reason }) => reason === 'ResourceVersionTooLarge');

/** Waits for a write, and takes one kind of error for done, such as {@link isNotFound} of a delete. */
export async function unless(
  isDone: (error: unknown) => boolean,
  write: Promise<unknown>,
): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isDone(error)) throw error;
  }
}
