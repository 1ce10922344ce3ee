/**
 * Why weights cannot be had, with what to do. The message reaches the ModelDeployment's status through the
 * container's termination message, so it names the thing, the cause and the remedy, and holds no secret.
 */
const catalogue = {
  NotFound: 'correct spec.source.uri',
  Unauthorized: 'give credentials in spec.source.secretName',
  PullRefused: 'name a Secret for the registry in spec.podTemplate.spec.imagePullSecrets',
  Gated:
    'accept its licence on the hub and give the token of that account in spec.source.secretName (key HF_TOKEN)',
  NoSpace:
    'give the node more ephemeral storage or the cache a larger volume, or choose a smaller model',
  NotWritable: 'give the volume an owner or a mode that lets user or group 65532 write',
  TooLarge:
    'lower spec.engine.contextLength, raise spec.accelerator.count, or choose another profile or a smaller model',
  ChecksumMismatch:
    'the file was changed or damaged on its way; correct the checksum, or load it anew',
  BadCredentials: 'correct the Secret that spec.source.secretName names',
  BadSource: 'correct spec.source.uri',
  Unreachable: 'check the network of the pod and the address; it is tried again',
} as const satisfies Record<string, string>;

export type LoadErrorCode = keyof typeof catalogue;

/** Loading ended for a reason that another attempt in this process does not mend. */
export class LoadError extends Error {
  readonly code: LoadErrorCode;

  /** @param problem what and why, without a full stop */
  constructor(code: LoadErrorCode, problem: string, options?: ErrorOptions) {
    super(`${problem}: ${catalogue[code]}`, options);
    this.name = 'LoadError';
    this.code = code;
  }
}

/** An attempt failed in a way that may pass: no connection, a cut, 429, a fault of the server. */
export class TransientError extends Error {
  override name = 'TransientError';
  /** How long the server asks to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number, options?: ErrorOptions) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
  }
}
