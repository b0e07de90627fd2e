import { useMemo } from 'preact/hooks';
import { isRunning } from '../requests/answer.ts';
import type { Answer } from '../requests/answer.ts';
import { parseJson } from '../requests/json.ts';
import { JsonResult } from './json-result.tsx';
import { Markdown } from './markdown.tsx';

/** The answer as Markdown; one that was to be JSON as a table, once it is whole. */
export function AnswerText({ answer }: { readonly answer: Answer }) {
  const { text, settings } = answer;
  const running = isRunning(answer);
  const result = useMemo(
    () => (settings.isStructured && !running ? parseJson(text) : undefined),
    [settings.isStructured, running, text],
  );
  if (text === '') return null;
  if (result !== undefined) return <JsonResult value={result} />;
  if (settings.isStructured) {
    return (
      <pre class="code-block" tabIndex={0}>
        {text}
      </pre>
    );
  }
  return <Markdown text={text} />;
}
