import { VserveError } from '../../../src/errors/index.ts';

/** A schema that no value fulfils: as one of several alternatives, it can be left out. */
export class NoValue extends VserveError {}

/** Throws `invalid_request` about what stands at a path of the request. */
export function refuse(path: string, message: string): never {
  throw new VserveError('invalid_request', message, { param: path });
}

/** The same, about what allows no value. */
export function refuseEmpty(path: string, message: string): never {
  throw new NoValue('invalid_request', message, { param: path });
}

/** The path of a member: `schema.properties.age`, `schema.anyOf[1]`, `schema.properties["a b"]`. */
export function memberOf(path: string, member: string | number): string {
  if (typeof member === 'number') return `${path}[${member}]`;
  return /^[\w$-]+$/.test(member) ? `${path}.${member}` : `${path}[${JSON.stringify(member)}]`;
}
