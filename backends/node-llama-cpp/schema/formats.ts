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

export const formatRules: ReadonlyMap<string, string> = new Map(
  Object.entries({
    date,
    time,
    'date-time': `${date} "T" ${time}`,
    uuid: `${hex}{8} "-" ${hex}{4} "-" ${hex}{4} "-" ${hex}{4} "-" ${hex}{12}`,
  }),
);
