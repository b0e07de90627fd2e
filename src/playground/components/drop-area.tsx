import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { attach } from '../state/draft.ts';

/** Takes files that are dropped anywhere on the page. */
export function DropArea({ children }: { readonly children: ComponentChildren }) {
  // A drag enters an inner element before it leaves the outer one.
  const [depth, setDepth] = useState(0);
  return (
    <div
      class="app"
      onDragEnter={(event) => {
        if (hasFiles(event)) setDepth((inside) => inside + 1);
      }}
      onDragLeave={(event) => {
        if (hasFiles(event)) setDepth((inside) => Math.max(0, inside - 1));
      }}
      onDragOver={(event) => {
        if (hasFiles(event)) event.preventDefault();
      }}
      onDrop={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setDepth(0);
        void attach(event.dataTransfer?.files ?? []);
      }}
    >
      {children}
      {depth > 0 && (
        <div class="drop-hint" aria-hidden="true">
          Drop to attach
        </div>
      )}
    </div>
  );
}

function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes('Files') === true;
}
