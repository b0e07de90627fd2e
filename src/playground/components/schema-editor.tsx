import { checkSchema, EXAMPLE_SCHEMAS, formatSchema } from '../requests/schema.ts';
import type { Settings } from '../requests/settings.ts';
import { model } from '../state/server.ts';

interface SchemaEditorProps {
  readonly id: string;
  readonly settings: Settings;
  readonly onChange: (changes: Partial<Settings>) => void;
}

export function SchemaEditor({ id, settings, onChange }: SchemaEditorProps) {
  const isAvailable = model.value?.hasStructuredOutput !== false;
  const isOn = isAvailable && settings.isStructured;
  return (
    <div class="schema">
      <label class="switch">
        <input
          type="checkbox"
          checked={isOn}
          disabled={!isAvailable}
          onChange={(event) => onChange({ isStructured: event.currentTarget.checked })}
        />
        Structured output
      </label>
      {!isAvailable && <p class="hint">This model has none.</p>}
      {isOn && <SchemaField id={id} schema={settings.schema} onSchema={(schema) => onChange({ schema })} />}
    </div>
  );
}

interface SchemaFieldProps {
  readonly id: string;
  readonly schema: string;
  readonly onSchema: (schema: string) => void;
}

function SchemaField({ id, schema, onSchema }: SchemaFieldProps) {
  const { problem } = checkSchema(schema);
  return (
    <div class="field">
      <div class="field-head">
        <label for={id}>JSON schema</label>
        <ExampleSelect id={`${id}-example`} onSchema={onSchema} />
        <button type="button" class="button button-small" onClick={() => onSchema(formatSchema(schema))}>
          Format
        </button>
      </div>
      <textarea
        id={id}
        class="code"
        rows={12}
        spellcheck={false}
        value={schema}
        aria-invalid={problem !== undefined}
        aria-describedby={`${id}-problem`}
        onInput={(event) => onSchema(event.currentTarget.value)}
      />
      <p class={problem === undefined ? 'hint' : 'problem'} id={`${id}-problem`}>
        {problem ?? 'Valid JSON'}
      </p>
    </div>
  );
}

function ExampleSelect({ id, onSchema }: { readonly id: string; readonly onSchema: (schema: string) => void }) {
  return (
    <>
      <label class="visually-hidden" for={id}>
        Example schema
      </label>
      <select
        id={id}
        class="small-select"
        value=""
        onChange={(event) => {
          const example = EXAMPLE_SCHEMAS[event.currentTarget.value];
          event.currentTarget.value = '';
          if (example !== undefined) onSchema(JSON.stringify(example, null, 2));
        }}
      >
        <option value="">Examples…</option>
        {Object.keys(EXAMPLE_SCHEMAS).map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </>
  );
}
