import { NUMBER_FIELDS, NUMBER_NAMES, numberProblem } from '../requests/settings.ts';
import type { NumberField, NumberName, Settings } from '../requests/settings.ts';
import { changeSettings } from '../state/conversations.ts';
import { model } from '../state/server.ts';
import { SchemaEditor } from './schema-editor.tsx';

interface SettingsFormProps {
  readonly column: number;
  readonly title: string;
  readonly settings: Settings;
}

export function SettingsForm({ column, title, settings }: SettingsFormProps) {
  const change = (changes: Partial<Settings>): void => changeSettings(column, changes);
  const id = (name: string): string => `${name}-${String(column)}`;
  return (
    <fieldset class="settings">
      <legend>{title}</legend>
      <div class="field">
        <label for={id('system')}>System prompt</label>
        <textarea
          id={id('system')}
          rows={3}
          value={settings.system}
          onInput={(event) => change({ system: event.currentTarget.value })}
        />
      </div>
      <div class="number-fields">
        {NUMBER_NAMES.map((name) => (
          <NumberInput
            key={name}
            id={id(name)}
            name={name}
            text={settings[name]}
            onText={(text) => change({ [name]: text })}
          />
        ))}
      </div>
      {model.value?.reasons === true && (
        <ThinkingSelect id={id('thinking')} value={settings.thinking} onValue={(thinking) => change({ thinking })} />
      )}
      <SchemaEditor id={id('schema')} settings={settings} onChange={change} />
    </fieldset>
  );
}

interface NumberInputProps {
  readonly id: string;
  readonly name: NumberName;
  readonly text: string;
  readonly onText: (text: string) => void;
}

function NumberInput({ id, name, text, onText }: NumberInputProps) {
  const field: NumberField = NUMBER_FIELDS[name];
  const problem = numberProblem(name, text);
  return (
    <div class="field">
      <label for={id}>{field.label}</label>
      <input
        id={id}
        inputMode={field.step === 1 ? 'numeric' : 'decimal'}
        autocomplete="off"
        placeholder="Default"
        value={text}
        aria-invalid={problem !== undefined}
        aria-describedby={problem === undefined ? undefined : `${id}-problem`}
        onInput={(event) => onText(event.currentTarget.value)}
      />
      {problem !== undefined && (
        <p class="problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
    </div>
  );
}

interface ThinkingSelectProps {
  readonly id: string;
  readonly value: Settings['thinking'];
  readonly onValue: (value: Settings['thinking']) => void;
}

function ThinkingSelect({ id, value, onValue }: ThinkingSelectProps) {
  return (
    <div class="field">
      <label for={id}>Reasoning</label>
      <select id={id} value={value} onChange={(event) => onValue(event.currentTarget.value as Settings['thinking'])}>
        <option value="auto">As the model does</option>
        <option value="on">On</option>
        <option value="off">Off</option>
      </select>
    </div>
  );
}
