import { useState } from 'preact/hooks';
import { JsonView } from './json-view.tsx';

/** A result of structured output, as a table or as it is. */
export function JsonResult({ value }: { readonly value: unknown }) {
  const [isRaw, setRaw] = useState(false);
  return (
    <div class="json-result">
      <div class="tabs" role="group" aria-label="Show the result as">
        <button type="button" class="tab" aria-pressed={!isRaw} onClick={() => setRaw(false)}>
          Table
        </button>
        <button type="button" class="tab" aria-pressed={isRaw} onClick={() => setRaw(true)}>
          JSON
        </button>
      </div>
      {isRaw ? (
        <pre class="code-block" tabIndex={0}>
          {JSON.stringify(value, null, 2)}
        </pre>
      ) : (
        <div class="table-area" role="region" aria-label="Result" tabIndex={0}>
          <JsonView value={value} />
        </div>
      )}
    </div>
  );
}
