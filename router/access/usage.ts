import type { ReplyFacts } from '../../telemetry/reply-facts.ts';
import type { RequestEnd } from '../../telemetry/request-events.ts';
import type { Usage } from './account.ts';

/** An event of one token, with what the engines write around it, has 200 to 300 bytes. */
const bytesPerStreamedToken = 256;

/**
 * What a request used. An answer that tells nothing of it is mostly a stream that the client broke off;
 * its output is estimated from its bytes, so that breaking off just before the end is not free.
 */
export function usageOf(facts: ReplyFacts | undefined, { status, bytesOut }: RequestEnd): Usage {
  const { inputTokens, outputTokens } = facts ?? {};
  const isTold = inputTokens !== undefined || outputTokens !== undefined;
  if (isTold || status !== 200) return { inputTokens, outputTokens };
  return { outputTokens: Math.ceil(bytesOut / bytesPerStreamedToken) };
}
