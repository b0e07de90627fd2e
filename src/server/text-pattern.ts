/** Matches texts against patterns, ignoring case; `*` matches any characters. */
export function textPattern(patterns: readonly string[]): (text: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`, 'is');
  });
  return (text) => expressions.some((expression) => expression.test(text));
}
