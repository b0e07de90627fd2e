import { COLUMN_NAMES } from '../requests/conversation.ts';
import { apiKey } from '../state/api.ts';
import { compareSettings, current } from '../state/conversations.ts';
import { areSettingsNarrow, areSettingsOpen } from '../state/screen.ts';
import { server, useKey } from '../state/server.ts';
import { Panel } from './panel.tsx';
import { SettingsForm } from './settings-form.tsx';

export function SettingsPanel() {
  const { columns } = current.value;
  const isComparing = columns.length > 1;
  return (
    <Panel label="Settings" class="settings-panel" isNarrow={areSettingsNarrow} isOpen={areSettingsOpen}>
      <label class="switch">
        <input
          type="checkbox"
          checked={isComparing}
          onChange={(event) => compareSettings(event.currentTarget.checked)}
        />
        Compare two settings
      </label>
      {columns.map((settings, column) => (
        <SettingsForm
          key={column}
          column={column}
          title={isComparing ? `Settings ${COLUMN_NAMES[column] ?? ''}` : 'Settings'}
          settings={settings}
        />
      ))}
      {apiKey.value !== '' && server.value.phase === 'ready' && <KeySetting />}
      <p class="hint">
        <a href="docs">API reference</a>
      </p>
    </Panel>
  );
}

function KeySetting() {
  return (
    <div class="field">
      <label for="settings-key">API key</label>
      <input
        id="settings-key"
        type="password"
        autocomplete="off"
        value={apiKey.value}
        onChange={(event) => void useKey(event.currentTarget.value)}
      />
      <p class="hint">Kept until this tab is closed.</p>
    </div>
  );
}
