import { parse, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { globMatches } from './glob.ts';

const name = z
  .string()
  .max(63)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._@-]*[A-Za-z0-9])?$/, 'letters, digits and . _ @ - are allowed');
const limit = z.int().min(1).max(1_000_000_000);
const moment = z.union([z.iso.datetime({ offset: true }), z.iso.date()], {
  error: 'must be a date or a time such as 2027-01-31T12:00:00Z',
});

/** What a key's `policy` document may say. */
const document = z.strictObject({
  tenant: name.optional(),
  models: z.array(z.string().min(1).max(200)).max(100).default(['*']),
  requestsPerMinute: limit.optional(),
  tokensPerMinute: limit.optional(),
  maxInFlight: limit.optional(),
  priority: z.int().min(-100).max(100).default(0),
  expires: moment.optional(),
});

/** How much a key may use. */
export interface Limits {
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
  /** Requests at once. */
  readonly maxInFlight: number | undefined;
}

/** What a key may do. */
export interface Policy {
  /** Who uses it and pays for it; keys of one tenant share what they use. */
  readonly tenant: string;
  /** Patterns of the names that may be asked for, as clients send them. */
  readonly models: readonly string[];
  readonly limits: Limits;
  /** Who goes first when requests have to wait: the higher. */
  readonly priority: number;
  /** Milliseconds since 1970; from then on it is refused. */
  readonly expiresMs: number | undefined;
}

/**
 * Reads a policy document.
 * @param text YAML, and so JSON too; empty: everything is allowed
 * @param secretName the tenant of a policy that names none
 * @returns what is wrong with it as text, without what it holds otherwise
 */
export function parsePolicy(text: string, secretName: string): Policy | { problem: string } {
  let content: unknown;
  try {
    content = parse(text, { maxAliasCount: 0, logLevel: 'error' }) ?? {};
  } catch (error) {
    const where = error instanceof YAMLParseError ? ` (line ${error.linePos?.[0].line ?? 1})` : '';
    return { problem: `policy is not YAML or JSON${where}` };
  }
  const { data, error } = document.safeParse(content);
  if (error) {
    const wrong = error.issues.map(({ path, message }) => `policy.${path.join('.')}: ${message}`);
    return { problem: wrong.join('; ').replaceAll('policy.: ', 'policy: ') };
  }
  const { requestsPerMinute, tokensPerMinute, maxInFlight } = data;
  return {
    tenant: data.tenant ?? secretName,
    models: data.models,
    limits: { requestsPerMinute, tokensPerMinute, maxInFlight },
    priority: data.priority,
    expiresMs: data.expires === undefined ? undefined : Date.parse(data.expires),
  };
}

/** Whether a policy allows to ask for this name. */
export function allows({ models }: Pick<Policy, 'models'>, modelName: string): boolean {
  return models.some((pattern) => globMatches(pattern, modelName));
}
