import { ApiError } from './errors.ts';

/**
 * Any thrown value as an error of the catalogue. Fastify's own are told by their code; an error that
 * nobody foresaw becomes internal_error, keeps its cause for the log, and tells the client nothing of it.
 */
export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ApiError('body_too_large', 'The body is larger than this router takes.');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new ApiError('invalid_request', 'The body’s length differs from Content-Length.');
    case 'FST_ERR_BAD_URL':
      return new ApiError('invalid_request', 'The path holds an escape that is not valid.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ApiError('invalid_request', 'The Content-Type header is not valid.');
  }
  if (thrown instanceof URIError) {
    return new ApiError('invalid_request', 'The path holds an escape that is not valid.');
  }
  const error = new ApiError('internal_error', 'The router met an error of its own.');
  error.cause = thrown;
  return error;
}
