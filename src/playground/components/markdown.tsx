import { useMemo } from 'preact/hooks';
import { renderMarkdown } from './render-markdown.ts';

export function Markdown({ text }: { readonly text: string }) {
  const html = useMemo(() => renderMarkdown(text), [text]);
  // Trusted Types: what is assigned must be the object that DOMPurify made. Preact passes it on as it is.
  return <div class="markdown" dangerouslySetInnerHTML={{ __html: html as unknown as string }} />;
}
