/** Which web pages may call the router from a browser: any (`*`), these origins, or none. */
export type AllowedOrigins = '*' | ReadonlySet<string>;

/**
 * Reads origins from a list with commas. None is the default, because the router is mostly reachable in a
 * private network and often asks for no key: any page that somebody there visits could use its models.
 */
export function readOrigins(list: string): AllowedOrigins {
  const origins = list.split(',').flatMap((origin) => origin.trim() || []);
  return origins.includes('*') ? '*' : new Set(origins);
}

/** Headers of answers that a page's script may read beside the safelisted ones. */
const exposed = [
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'x-fairlead-model',
  'openai-processing-ms',
].join(', ');
/** How long a browser may remember a preflight, in seconds: the most that Chromium takes. */
const maxAgeS = '7200';

/**
 * Header pairs (Fetch standard, CORS protocol) that let a page read an answer.
 * @param origin the request's Origin header
 */
export function corsHeaders(allowed: AllowedOrigins, origin: string | undefined): string[] {
  if (allowed !== '*' && allowed.size === 0) return [];
  const vary = allowed === '*' ? [] : ['vary', 'Origin'];
  if (origin === undefined || (allowed !== '*' && !allowed.has(origin))) return vary;
  const allow = allowed === '*' ? '*' : origin;
  return [...vary, 'access-control-allow-origin', allow, 'access-control-expose-headers', exposed];
}

/** Header pairs for the answer to a preflight; none when the page may not call. */
export function preflightHeaders(
  allowed: AllowedOrigins,
  request: { origin?: string | undefined; wantedHeaders?: string | undefined },
  methods: readonly string[],
): string[] {
  const headers = corsHeaders(allowed, request.origin);
  if (!headers.includes('access-control-allow-origin')) return headers;
  headers.push(
    'access-control-allow-methods',
    methods.join(', '),
    'access-control-max-age',
    maxAgeS,
  );
  // A wildcard would not cover Authorization.
  if (request.wantedHeaders !== undefined) {
    headers.push('access-control-allow-headers', request.wantedHeaders);
  }
  return headers;
}
