/** Objects that have to have so many properties: no rule counts them, so there is one for each way to have them. */
import type { JsonObject } from '../../../src/backend/index.ts';
import type { Counts } from './counts.ts';
import { memberOf, refuse } from './refuse.ts';

const mostWays = 100;
const mostBytes = 256 * 1024;

/** Properties that have names, in the order in which they are written. */
export interface NamedProperties {
  readonly kept: readonly (readonly [name: string, schema: JsonObject])[];
  readonly required: ReadonlySet<string>;
}

type Members = readonly (readonly [name: string, schema: JsonObject])[];

/** An object that has no others than these, and so many of them. Throws `invalid_request` where there are too many ways. */
export function countedProperties({ kept, required }: NamedProperties, [min, max]: Counts, path: string): JsonObject {
  const optional = kept.filter(([name]) => !required.has(name));
  const least = Math.max(0, min - required.size);
  const most = Math.min(optional.length, max - required.size);
  const ways =
    least === 1 && most === optional.length
      ? optional.map(([first], i) => ({ chosen: [first], open: optional.slice(i + 1).map(([name]) => name) }))
      : choices(optional, least, most).map((chosen) => ({ chosen, open: [] }));
  const bytes = ways.length * JSON.stringify(kept).length;
  if (ways.length === 0 || ways.length > mostWays || bytes > mostBytes) {
    const keyword = least > 0 ? 'minProperties' : 'maxProperties';
    refuse(memberOf(path, keyword), `There are too many ways to have so many properties. Leave ${keyword} out.`);
  }
  const alternatives = ways.map(({ chosen, open }) => {
    const always = new Set([...required, ...chosen]);
    const names = new Set([...always, ...open]);
    return objectOf(
      kept.filter(([name]) => names.has(name)),
      always,
    );
  });
  const [first] = alternatives;
  return alternatives.length === 1 && first !== undefined ? first : { anyOf: alternatives };
}

function objectOf(members: Members, required: ReadonlySet<string>): JsonObject {
  if (members.length === 0) return { const: {} };
  return { type: 'object', properties: Object.fromEntries(members), required: [...required] };
}

/** The names of `least` to `most` of some properties, in every way, in their order; one too many ways at most. */
function choices(members: Members, least: number, most: number): readonly (readonly string[])[] {
  let found: (readonly string[])[] = [[]];
  for (const [i, [name]] of members.entries()) {
    const left = members.length - i - 1;
    found = found
      .flatMap((chosen) => [[...chosen, name], chosen])
      .filter(({ length }) => length <= most && length + left >= least);
    if (found.length > mostWays) return found;
  }
  return found;
}
