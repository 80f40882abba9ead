const MASK = "***";
const SECRET_PARAMETER = /([?&][^=&]*(?:password|passphrase|secret|token)[^=&]*=)[^&"]*/gi;

/**
 * The text with every password of a connection string replaced by `***`. It would rather mask too much than too little:
 * a password may hold `@`, `/` or `?` that nobody encoded.
 */
export function maskUrl(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/[^:@]*):(.*)@/gis, `$1:${MASK}@`).replace(SECRET_PARAMETER, `$1${MASK}`);
}

/** What may be shown of a secret setting: a connection string without its password, or the first digits of a digest. */
export function maskSecret(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return `${text.slice(0, 8)}…`;
  // Only what is surely a connection string is shown in part: a password may look like a URL of some kind, too.
  return /^postgres(?:ql)?:\/\//i.test(text) ? maskUrl(text) : MASK;
}
