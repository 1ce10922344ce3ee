import { z } from 'zod';
import { type ContentMode, contentModes } from '../telemetry/content.ts';
import { logLevels } from '../telemetry/logger.ts';
import { type AccessMode, accessModes } from './access/access.ts';
import { type AllowedOrigins, readOrigins } from './cors.ts';

const port = (value: number) => z.coerce.number().int().min(0).max(65_535).default(value);
const ms = (value: number) => z.coerce.number().int().min(0).default(value);

/** The router's environment variables; an empty one counts as absent. */
const variables = z.object({
  FAIRLEAD_HOST: z.string().default('0.0.0.0').describe('address both ports listen on'),
  FAIRLEAD_PORT: port(8080).describe('port for clients; 0: any'),
  FAIRLEAD_INTERNAL_PORT: port(9090).describe('port for health and metrics; 0: any'),
  FAIRLEAD_WATCH_NAMESPACE: z.string().optional().describe('only models of this namespace'),
  FAIRLEAD_LOG_LEVEL: z.enum(logLevels).default('info'),
  FAIRLEAD_ACCESS_LOG: z.stringbool().default(true).describe('one line a request'),
  FAIRLEAD_CAPTURE_CONTENT: z
    .enum(contentModes)
    .default('off')
    .describe('prompts and completions of sampled requests: off, on their span, or as an event'),
  FAIRLEAD_BODY_LIMIT_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(100 * 1024 * 1024),
  FAIRLEAD_REQUEST_TIMEOUT_MS: ms(300_000).describe('for a whole request to arrive; 0: no limit'),
  FAIRLEAD_CORS_ORIGINS: z
    .string()
    .default('')
    .transform(readOrigins)
    .describe('origins of web pages that may call the router, with commas; `*`: any; empty: none'),
  FAIRLEAD_STREAM_USAGE: z
    .stringbool()
    .default(true)
    .describe(
      'engines are asked for the tokens of every stream; clients that did not ask see none',
    ),
  FAIRLEAD_AUTH: z
    .enum(accessModes)
    .default('off')
    .describe('whether API keys are asked for; optional: once there is a Secret for one'),
  FAIRLEAD_AUTH_NAMESPACE: z.string().optional().describe('where the Secrets with API keys are'),
  FAIRLEAD_HOLD_LIMIT_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(128 * 1024 * 1024)
    .describe('of the bodies of all requests that wait for a replica; one model may have half'),
  FAIRLEAD_NAMESPACE: z.string().optional().describe('this pod’s, where the other routers are'),
  FAIRLEAD_POD_NAME: z.string().optional().describe('this pod’s'),
  FAIRLEAD_EXTERNAL_NAMESPACES: z
    .string()
    .default('')
    .transform((text) => text.split(',').filter((name) => name !== ''))
    .describe('whose ExternalModels are served, with commas; empty: none'),
  FAIRLEAD_LAME_DUCK_MS: ms(5_000).describe('after SIGTERM: not ready, but still serving'),
  FAIRLEAD_DRAIN_TIMEOUT_MS: ms(600_000).describe('after that: how long open answers may take'),
});

const environment = variables.refine(
  ({ FAIRLEAD_AUTH, FAIRLEAD_AUTH_NAMESPACE }) =>
    FAIRLEAD_AUTH === 'off' || FAIRLEAD_AUTH_NAMESPACE !== undefined,
  { path: ['FAIRLEAD_AUTH_NAMESPACE'], error: 'is needed unless FAIRLEAD_AUTH is off' },
);

/** How the router runs; see the environment variables for the meaning. */
export interface RouterConfig {
  host: string;
  port: number;
  internalPort: number;
  watchNamespace: string | undefined;
  logLevel: (typeof logLevels)[number];
  accessLog: boolean;
  captureContent: ContentMode;
  bodyLimitBytes: number;
  requestTimeoutMs: number;
  corsOrigins: AllowedOrigins;
  streamUsage: boolean;
  auth: { mode: AccessMode; namespace: string };
  holdLimitBytes: number;
  /** Undefined: there are no other routers. */
  ownPod: { namespace: string; name: string } | undefined;
  externalNamespaces: readonly string[];
  lameDuckMs: number;
  drainTimeoutMs: number;
}

/** A variable has a value that cannot be; the message names each such variable. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads the configuration.
 * @throws ConfigError that names every variable that is wrong
 */
export function readConfig(env: NodeJS.ProcessEnv): RouterConfig {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const result = environment.safeParse(present);
  if (!result.success) {
    const wrong = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new ConfigError(`the environment cannot be used: ${wrong.join('; ')}`);
  }
  const read = result.data;
  return {
    host: read.FAIRLEAD_HOST,
    port: read.FAIRLEAD_PORT,
    internalPort: read.FAIRLEAD_INTERNAL_PORT,
    watchNamespace: read.FAIRLEAD_WATCH_NAMESPACE,
    logLevel: read.FAIRLEAD_LOG_LEVEL,
    accessLog: read.FAIRLEAD_ACCESS_LOG,
    captureContent: read.FAIRLEAD_CAPTURE_CONTENT,
    bodyLimitBytes: read.FAIRLEAD_BODY_LIMIT_BYTES,
    requestTimeoutMs: read.FAIRLEAD_REQUEST_TIMEOUT_MS,
    corsOrigins: read.FAIRLEAD_CORS_ORIGINS,
    streamUsage: read.FAIRLEAD_STREAM_USAGE,
    auth: { mode: read.FAIRLEAD_AUTH, namespace: read.FAIRLEAD_AUTH_NAMESPACE ?? '' },
    holdLimitBytes: read.FAIRLEAD_HOLD_LIMIT_BYTES,
    ownPod:
      read.FAIRLEAD_NAMESPACE !== undefined && read.FAIRLEAD_POD_NAME !== undefined
        ? { namespace: read.FAIRLEAD_NAMESPACE, name: read.FAIRLEAD_POD_NAME }
        : undefined,
    externalNamespaces: read.FAIRLEAD_EXTERNAL_NAMESPACES,
    lameDuckMs: read.FAIRLEAD_LAME_DUCK_MS,
    drainTimeoutMs: read.FAIRLEAD_DRAIN_TIMEOUT_MS,
  };
}
