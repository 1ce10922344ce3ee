const mask = '***';

/** What is a secret by its own form, whoever says it. */
const forms: readonly RegExp[] = [
  // Hugging Face, OpenAI and its like, GitHub, GitLab, Slack, AWS, Google.
  /\b(hf_|sk-|sk_|gh[opsu]_|github_pat_|glpat-|xox[abp]-)[A-Za-z0-9_-]{8,}/g,
  /\b(AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bAIza[A-Za-z0-9_-]{30,}/g,
  // JSON web tokens.
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)/gs,
];

/** A secret by the name it is given: `--api-key X`, `TOKEN=X`, `"password": "X"`, `Bearer X`, `user:X@host`. */
const names =
  /((?:api[-_]?key|access[-_]?key|token|secret|passw(?:or)?d|credentials?)["']?(?:\s*[=:]\s*|\s+)["']?)(?![=:])([^\s"',;}]{4,})/gi;
const bearer = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{4,}/gi;
const inUrl = /(:\/\/[^\s/:@]*:)[^\s/@]+@/g;
const signed =
  /([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|sig|signature|token|key)=)[^\s&"']+/gi;

/**
 * A text of an engine or a loader, fit for a status that many may read: whatever looks like a secret is
 * masked. Rather too much than too little.
 */
export function maskSecrets(text: string): string {
  let masked = text;
  for (const form of forms) masked = masked.replace(form, mask);
  return masked
    .replace(bearer, `$1 ${mask}`)
    .replace(inUrl, `$1${mask}@`)
    .replace(signed, `$1${mask}`)
    .replace(names, (whole, name: string, value: string) =>
      isWord(value) ? whole : `${name}${mask}`,
    );
}

/** A plain word is a sentence going on, as in `token is not valid`, unless it was assigned. */
function isWord(value: string): boolean {
  return /^[a-z]+[.!?)\]]*$/.test(value) && value.length < 16;
}
