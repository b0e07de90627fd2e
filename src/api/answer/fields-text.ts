/** Fields as they follow others in the text of an object: `,"a":1,"b":2`. */
export function fieldsText(fields: object): string {
  const text = JSON.stringify(fields).slice(1, -1);
  return text === '' ? '' : `,${text}`;
}
