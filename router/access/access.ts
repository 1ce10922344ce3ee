import type { IncomingHttpHeaders } from 'node:http';
import type { TenantDemand } from '../../protocol/demand.ts';
import type { Precedence } from '../hold/hold.ts';
import type { TenantUse } from '../neighbours/neighbours.ts';
import { ApiError } from '../openai/errors.ts';
import { Account, type Excess, type Usage } from './account.ts';
import { presentedKey } from './credential.ts';
import { type ApiKey, findKey, highestPriority, type Keyring } from './keyring.ts';
import { allows } from './policy.ts';

/** Whether keys are asked for: `optional`, as soon as there is a Secret for one. */
export const accessModes = ['off', 'optional', 'required'] as const;
export type AccessMode = (typeof accessModes)[number];

/** Who sends a request, and what it may do. */
export interface Caller {
  /** Undefined: nobody was asked for a key. */
  readonly tenant: string | undefined;
  /** Who goes first where requests have to wait: the higher. */
  readonly priority: number;
  readonly precedence: Precedence;
  /** Whether it may ask for this name. */
  mayUse(modelName: string): boolean;
  /**
   * Takes a request's place among those of its tenant.
   * @throws ApiError rate_limit_exceeded
   */
  admit(): Grant;
}

/** A request that may go on. */
export interface Grant {
  /** Header pairs that its answer carries: how much is left. */
  readonly headers: readonly string[];
  /** Whether what it uses has to be known, and so the engine to be asked for it. */
  readonly countTokens: boolean;
  /** The request is over; called once. */
  end(usage: Usage): void;
}

const anybody: Caller = {
  tenant: undefined,
  priority: 0,
  precedence: undefined,
  mayUse: () => true,
  admit: () => ({ headers: [], countTokens: false, end() {} }),
};

/** The router's door: knows the keys and what each tenant uses. */
export class Access {
  readonly #mode: AccessMode;
  readonly #nowMs: () => number;
  readonly #wallClockMs: () => number;
  readonly #elsewhere: (tenant: string) => TenantUse;
  readonly #accounts = new Map<string, Account>();
  /** Undefined: not read yet, and so nobody comes in. */
  #keyring: Keyring | undefined;
  /** Undefined: all keys have the same priority. */
  #highestPriority: number | undefined;

  /**
   * @param nowMs a clock that never goes back, for the limits
   * @param wallClockMs milliseconds since 1970, for the expiry of keys
   * @param elsewhere what a tenant uses through other routers
   */
  constructor(options: {
    mode: AccessMode;
    nowMs: () => number;
    wallClockMs: () => number;
    elsewhere: (tenant: string) => TenantUse;
  }) {
    this.#mode = options.mode;
    this.#nowMs = options.nowMs;
    this.#wallClockMs = options.wallClockMs;
    this.#elsewhere = options.elsewhere;
  }

  /** Whether requests come in without a key. A Secret that gives no key closes the door too. */
  get isOpen(): boolean {
    if (this.#mode !== 'optional') return this.#mode === 'off';
    return this.#keyring?.keys.size === 0 && this.#keyring.broken.length === 0;
  }

  /** Takes the keys that are in force from now on. What tenants have used stays counted. */
  replaceKeyring(keyring: Keyring): void {
    this.#keyring = keyring;
    this.#highestPriority = highestPriority(keyring);
    const nowMs = this.#nowMs();
    for (const [tenant, account] of this.#accounts) {
      if (account.isIdle(nowMs)) this.#accounts.delete(tenant);
    }
  }

  /** What the tenants with limits use through this router now. */
  use(): TenantDemand[] {
    const nowMs = this.#nowMs();
    return [...this.#accounts]
      .filter(([, { isLimited }]) => isLimited)
      .map(([name, account]) => ({ name, ...account.use(nowMs) }));
  }

  /**
   * Tells who sends a request by its headers.
   * @throws ApiError invalid_api_key
   */
  authenticate(headers: IncomingHttpHeaders): Caller {
    if (this.isOpen) return anybody;
    const presented = presentedKey(headers);
    if (presented === undefined) {
      throw unauthorized('No API key was sent. Send it as `Authorization: Bearer …`.');
    }
    const key = this.#keyring && findKey(this.#keyring, presented);
    if (!key) throw unauthorized('The API key is not known here.');
    if (key.expiresMs !== undefined && key.expiresMs <= this.#wallClockMs()) {
      throw unauthorized('The API key has expired.');
    }
    return {
      tenant: key.tenant,
      priority: key.priority,
      precedence: this.#precedenceOf(key),
      mayUse: (modelName) => allows(key, modelName),
      admit: () => this.#admit(key),
    };
  }

  #admit({ tenant, limits }: ApiKey): Grant {
    const account = this.#account(tenant);
    account.isLimited ||= Object.values(limits).some((limit) => limit !== undefined);
    const nowMs = this.#nowMs();
    const elsewhere = this.#elsewhere(tenant);
    const excess = account.excess(limits, elsewhere, nowMs);
    if (excess) throw limited(excess, account.headers(limits, elsewhere, nowMs));
    account.begin(nowMs);
    return {
      headers: account.headers(limits, elsewhere, nowMs),
      countTokens: limits.tokensPerMinute !== undefined,
      end: (usage) => account.end(this.#nowMs(), usage),
    };
  }

  #precedenceOf({ priority }: ApiKey): Precedence {
    if (this.#highestPriority === undefined) return undefined;
    return priority === this.#highestPriority ? 'first' : 'later';
  }

  #account(tenant: string): Account {
    let account = this.#accounts.get(tenant);
    if (!account) {
      account = new Account();
      this.#accounts.set(tenant, account);
    }
    return account;
  }
}

function unauthorized(message: string): ApiError {
  return new ApiError('invalid_api_key', message, null, {
    headers: ['www-authenticate', 'Bearer'],
  });
}

const excessWords: Readonly<Record<Excess['limit'], string>> = {
  requestsPerMinute: 'requests per minute',
  tokensPerMinute: 'tokens per minute',
  maxInFlight: 'requests at once',
};

function limited({ limit, most, waitMs }: Excess, headers: string[]): ApiError {
  const seconds = Math.ceil(waitMs / 1000);
  const message = `The limit of ${most} ${excessWords[limit]} is reached. Try again in ${seconds} s.`;
  return new ApiError('rate_limit_exceeded', message, null, { retryAfterMs: waitMs, headers });
}
