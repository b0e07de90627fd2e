import { randomText } from './prompts.ts';

const sections = 40;
const propertiesEach = 20;

/** A JSON Schema of about 100 kB, as programs generate them from their types: one that no server has seen. */
export function largeSchema(): object {
  const run = randomText(3).replaceAll(' ', '_');
  const names = Array.from({ length: sections }, (_, i) => `${run}_section_${i}`);
  return objectOf(Object.fromEntries(names.map((name) => [name, objectOf(propertiesOf(name))])));
}

function propertiesOf(section: string): Readonly<Record<string, object>> {
  return Object.fromEntries(
    Array.from({ length: propertiesEach }, (_, i) => [
      `field_${i}`,
      { ...kindOf(i, section), description: describe(i) },
    ]),
  );
}

function kindOf(index: number, section: string): object {
  switch (index % 4) {
    case 0:
      return { type: 'string', maxLength: 40 };
    case 1:
      return { type: 'integer', minimum: 0, maximum: 10_000 };
    case 2:
      return { enum: ['pending', 'paid', 'overdue', section] };
    default:
      return { type: 'array', items: { type: 'string', pattern: '^[A-Z]{2}-[0-9]{4}$' }, maxItems: 5 };
  }
}

function describe(index: number): string {
  return `What stands in field ${index} of the document, as it is printed there.`;
}

function objectOf(properties: object): object {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}
