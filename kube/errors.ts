/** One reason of a refusal (metav1.StatusCause): for `Invalid`, the field and what is wrong with it. */
export interface StatusCause {
  field?: string;
  reason?: string;
  message?: string;
}

/** metav1.Status, the body of every refusal and of a watch's ERROR event. */
export interface Status {
  kind?: string;
  code?: number;
  reason?: string;
  message?: string;
  details?: { causes?: StatusCause[]; retryAfterSeconds?: number };
}

/** The API server answered, and the answer is a refusal. */
export class KubeApiError extends Error {
  /** HTTP status code. */
  readonly status: number;
  /** metav1.StatusReason, such as `NotFound`; '' when the answer was not a Status. */
  readonly reason: string;
  readonly causes: readonly StatusCause[];
  /** How long the server asks to wait, from Retry-After or the Status, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(request: string, httpStatus: number, status: Status, retryAfterMs?: number) {
    super(
      `${request}: ${status.code ?? httpStatus} ${status.reason ?? ''} ${status.message ?? ''}`,
    );
    this.name = 'KubeApiError';
    this.status = status.code ?? httpStatus;
    this.reason = status.reason ?? '';
    this.causes = status.details?.causes ?? [];
    const seconds = status.details?.retryAfterSeconds;
    this.retryAfterMs = retryAfterMs ?? (seconds ? seconds * 1000 : undefined);
  }
}

/** No complete answer came: refused or broken connection, failed TLS handshake, deadline passed. */
export class KubeConnectionError extends Error {
  /** `timeout` when the call's own deadline passed. */
  readonly code: 'timeout' | 'connection';
  /** Whether any byte of the request may have reached the server; false means that a repeat is safe. */
  readonly sent: boolean;

  constructor(request: string, code: 'timeout' | 'connection', sent: boolean, cause?: unknown) {
    const what = code === 'timeout' ? 'no answer within its deadline' : 'connection failed';
    super(`${request}: ${what}${cause instanceof Error ? `: ${cause.message}` : ''}`, { cause });
    this.name = 'KubeConnectionError';
    this.code = code;
    this.sent = sent;
  }
}

/** A write was held back because this process is not, or no longer, the leader. Remedy: let the process end. */
export class FencedError extends Error {
  constructor(request: string) {
    super(`${request}: not sent, this process does not hold the lease`);
    this.name = 'FencedError';
  }
}

const is = (error: unknown, status: number, reason?: string): boolean =>
  error instanceof KubeApiError &&
  error.status === status &&
  (reason ?? error.reason) === error.reason;

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
  error.causes.some((cause) => cause.reason === 'ResourceVersionTooLarge');
