import type { Socket } from 'node:net';
import { ApiError, type ErrorName, errorBody, errorHeaders } from './openai/errors.ts';

const names: Record<string, readonly [ErrorName, string]> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers are larger than 64 KiB.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request did not arrive in time.'],
};
const malformed = ['invalid_request', 'This is not a well-formed HTTP request.'] as const;

/**
 * Answers what node:http could not read as a request, and closes the connection: nothing after it can
 * be trusted to begin where it seems to.
 */
export function refuseBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [name, message] = names[error.code ?? ''] ?? malformed;
  const refusal = new ApiError(name, message);
  const body = errorBody(refusal);
  const { status } = refusal.kind;
  const headers = errorHeaders(refusal, Buffer.byteLength(body));
  let head = `HTTP/1.1 ${status} \r\nconnection: close\r\n`;
  for (let at = 0; at < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`;
  socket.end(`${head}\r\n${body}`);
}
