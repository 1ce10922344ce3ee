/**
 * Whether a name matches a pattern in which `*` stands for any run of characters, `/` and `:` among
 * them, and every other character for itself. Takes at most pattern × name steps, whatever they hold.
 */
export function globMatches(pattern: string, name: string): boolean {
  let at = 0;
  let patternAt = 0;
  let star = -1;
  let starAt = 0;
  while (at < name.length) {
    if (pattern[patternAt] === '*') {
      star = patternAt++;
      starAt = at;
    } else if (pattern[patternAt] === name[at]) {
      patternAt++;
      at++;
    } else if (star >= 0) {
      // The last star takes one character more.
      patternAt = star + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (pattern[patternAt] === '*') patternAt++;
  return patternAt === pattern.length;
}
