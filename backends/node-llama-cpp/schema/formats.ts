import { escapedPattern } from './combined-patterns.ts';

/** The formats of strings that an answer is held to. Others are annotations, as JSON Schema has them by default. */
const day = '("0" [1-9] | [12] [0-9] | "3" [01])';
const longMonths = `("0" [13578] | "1" [02]) "-" ${day}`;
const shortMonths = '("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30")';
const february = '"02-" ("0" [1-9] | "1" [0-9] | "2" [0-8])';
const leapCentury = '([02468] [048] | [13579] [26]) "00"';
const leapYear = `([0-9] [0-9] ("0" [48] | [2468] [048] | [13579] [26]) | ${leapCentury})`;
const date = `([0-9]{4} "-" (${longMonths} | ${shortMonths} | ${february}) | ${leapYear} "-02-29")`;
const clock = '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]';
const time = `${clock} ":" [0-5] [0-9] ("." [0-9]{1,6})? ("Z" | [-+] ${clock})`;
const hex = '[0-9a-fA-F]';

const octet = '("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9] [0-9] | [1-9]? [0-9])';
const label = '[a-zA-Z0-9] ([a-zA-Z0-9-]{0,61} [a-zA-Z0-9])?';
const atom = '[a-zA-Z0-9_+-]{1,32}';
const count = '[0-9]{1,6}';
const days = `(${count} "Y" (${count} "M" (${count} "D")?)? | ${count} "M" (${count} "D")? | ${count} "D")`;
const hours = `"T" (${count} "H" (${count} "M" (${count} "S")?)? | ${count} "M" (${count} "S")? | ${count} "S")`;
const inPath = "[a-zA-Z0-9._~!$&'()*+,;=:@-]";
const segment = `(${inPath} | "%" ${hex}{2})`;
const rest = `(${segment} | [/?])*`;
const scheme = '[a-zA-Z] [a-zA-Z0-9+.-]{0,9} ":"';
const host = `${label} ("." ${label}){0,3} (":" [0-9]{1,4})?`;
const path = `("/" ${segment}*)*`;

/** A rule for a format, which holds for texts of at most `maxLength` characters; undefined where it does not say so. */
type FormatRule = (maxLength: number) => string | undefined;

/** The first of some rules whose longest text is short enough. */
const within = (...rules: readonly (readonly [longest: number, rule: string])[]): FormatRule => {
  return (maxLength) => rules.find(([longest]) => longest <= maxLength)?.[1];
};

/** Of the scheme, the host and its port. */
const longestHost = 280;
const longestPath = 1800;

/** The formats that are kept where no length stands beside them, or one that their rule keeps. */
export const looseFormatRules: ReadonlyMap<string, FormatRule> = new Map(
  Object.entries({
    duration: within([44, `"P" (${days} (${hours})? | ${hours} | ${count} "W")`]),
    email: within(
      [Infinity, `${atom} ("." ${atom})* "@" ${label} ("." ${label})* "." [a-zA-Z]{2,16}`],
      [210, `${atom} ("." ${atom})? "@" ${label} ("." ${label})? "." [a-zA-Z]{2,16}`],
      [40, '[a-zA-Z0-9_+-]{1,16} "@" [a-zA-Z0-9]{1,16} "." [a-zA-Z]{2,6}'],
    ),
    hostname: within([255, `${label} ("." ${label}){0,3}`], [191, `${label} ("." ${label}){0,2}`], [63, label]),
    ipv4: within([15, `${octet} "." ${octet} "." ${octet} "." ${octet}`]),
    ipv6: within([39, ipv6()]),
    uri: (maxLength) => {
      if (maxLength === Infinity)
        return `${scheme} ("//" (${host})? ${path} | ${segment}+ ${path}) ("?" ${rest})? ("#" ${rest})?`;
      const inRest = Math.min(longestPath, maxLength - longestHost);
      return inRest < 1 ? undefined : `${scheme} "//" ${host} ("/" (${inPath} | [/?]){0,${inRest}})?`;
    },
  }),
);

/** Eight groups, or fewer round one gap. */
function ipv6(): string {
  const group = `${hex}{1,4}`;
  const exactly = (count: number): string => Array.from({ length: count }, () => group).join(' ":" ');
  const upTo = (most: number): string =>
    most < 2 ? (most === 1 ? `(${group})?` : '') : `(${group} (":" ${group}){0,${most - 1}})?`;
  const gaps = Array.from({ length: 8 }, (_, before) => `${exactly(before)} "::" ${upTo(7 - before)}`);
  return `(${[exactly(8), ...gaps].join(' | ')})`;
}

/** The formats whose texts are about as long as one another. */
export const formatRules: ReadonlyMap<string, string> = new Map(
  Object.entries({
    date,
    time,
    'date-time': `${date} "T" ${time}`,
    uuid: `${hex}{8} "-" ${hex}{4} "-" ${hex}{4} "-" ${hex}{4} "-" ${hex}{12}`,
  }),
);

/**
 * The texts of a format that is kept beside a pattern, as another; undefined of others. A pattern of addresses, which libraries
 * write of their own, stands for the format: both together would take long.
 */
export function patternOfFormat(format: string): string | undefined {
  if (format === 'email') return undefined;
  const rule = formatRules.get(format) ?? looseFormatRules.get(format)?.(Infinity);
  return rule === undefined ? undefined : `^(?:${asPattern(rule)})$`;
}

/** A rule as a regular expression: only quotes, and the spaces between parts, are written otherwise. */
function asPattern(rule: string): string {
  return rule.replaceAll(/"([^"]*)"|(\[[^\]]*\])| /g, (_, text: string | undefined, set: string | undefined) =>
    text === undefined ? (set ?? '') : `(?:${escapedPattern(text)})`,
  );
}
