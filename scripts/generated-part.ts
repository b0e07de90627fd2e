/**
 * Replaces what stands in a document between `<!-- name: npm run docs -->` and `<!-- /name -->`. Throws if that place is not
 * marked.
 */
export function withGeneratedPart(document: string, name: string, text: string): string {
  const [start, end] = [`<!-- ${name}: npm run docs -->`, `<!-- /${name} -->`];
  const [before, rest] = document.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`The document has no "${start}" and "${end}".`);
  return `${before}${start}\n\n${text}\n\n${end}${after}`;
}
