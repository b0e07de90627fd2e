function marksOf(name: string): [start: string, end: string] {
  return [`<!-- ${name}: npm run docs -->`, `<!-- /${name} -->`];
}

/** Replaces what stands between the marks of a name in a document. Throws if that place is not marked. */
export function withGeneratedPart(document: string, name: string, text: string): string {
  const [start, end] = marksOf(name);
  const [before, rest] = document.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`The document has no "${start}" and "${end}".`);
  return `${before}${start}\n\n${text}\n\n${end}${after}`;
}
