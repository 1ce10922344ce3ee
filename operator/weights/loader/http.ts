import { EnvHttpProxyAgent, fetch, type Response } from 'undici';
import { LoadError, TransientError } from './errors.ts';

/** A minute without a byte is a dead connection. Honours HTTPS_PROXY and NO_PROXY. */
const agent = new EnvHttpProxyAgent({ headersTimeout: 60_000, bodyTimeout: 60_000 });

/** What says why a server refuses, for those that say it in their own way. */
export type Explain = (response: Response, body: string) => LoadError | undefined;

/**
 * GET, following redirects; credentials stay with the host they were given for. Resolves with 200, 206 or 416.
 * @throws LoadError when the server refuses for good, TransientError when it may be asked again
 */
export async function get(
  url: string,
  headers: Record<string, string>,
  explain: Explain = () => undefined,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, {
      headers: { 'accept-encoding': 'identity', 'user-agent': 'fairlead', ...headers },
      dispatcher: agent,
    });
  } catch (error) {
    throw new TransientError(`${shown(url)}: ${causeOf(error)}`, undefined, { cause: error });
  }
  const { status } = response;
  if (response.ok || status === 416) return response;
  const body = await response.text().catch(() => '');
  const known = explain(response, body);
  if (known) throw known;
  const problem = `HTTP ${status} for ${shown(url)}`;
  if (status === 401 || status === 403) throw new LoadError('Unauthorized', problem);
  if (status === 404 || status === 410) throw new LoadError('NotFound', problem);
  if (status === 429 || status === 408 || status >= 500)
    throw new TransientError(problem, retryAfterMs(response));
  throw new LoadError('BadSource', `${problem}${body ? ` (${body.slice(0, 200).trim()})` : ''}`);
}

/** The URL without query and user, which may hold a signature. */
export function shown(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** What a failed fetch says is hidden in its cause. */
export function causeOf(error: unknown): string {
  const inner = error instanceof Error ? (error.cause ?? error) : error;
  if (!(inner instanceof Error)) return String(inner);
  const { code } = inner as NodeJS.ErrnoException;
  return inner.message || code || inner.name;
}

function retryAfterMs(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}
