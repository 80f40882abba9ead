const URL_LOGIN = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]*(?:@[^\s/@]*)*@/gi;
const PASSWORD_SETTING = /(\bpassword\s*[=:]\s*|\bpassword\s+(?='))('(?:[^']|'')*'|"[^"]*"|[^\s,;)]+)/gi;
const BEARER = /(\bbearer\s+)[\w.~+/=-]+/gi;

/**
 * The text with logins of URLs, password settings and bearer tokens starred out. Errors of libraries end in the log
 * with their own words, and a few of those repeat the connection string.
 */
export function withoutSecrets(text: string): string {
  return text.replace(URL_LOGIN, "$1***@").replace(PASSWORD_SETTING, "$1***").replace(BEARER, "$1***");
}
