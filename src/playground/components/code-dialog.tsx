import { X } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import { abbreviated, SAMPLES } from '../samples/index.ts';
import { fileMark } from '../samples/sample.ts';
import type { Sample } from '../samples/sample.ts';
import { apiKey, apiUrl } from '../state/api.ts';
import { current } from '../state/conversations.ts';
import { attachmentsOf, prepareRequest, requestWith } from '../state/prepare-request.ts';
import type { RequestPlace } from '../state/prepare-request.ts';
import { model } from '../state/server.ts';
import { shownCode } from '../state/shown-code.ts';
import { CopyButton } from './copy-button.tsx';
import { IconButton } from './icon-button.tsx';
import { ModalDialog } from './modal-dialog.tsx';

const close = (): void => {
  shownCode.value = undefined;
};

export function CodeDialog() {
  const shown = shownCode.value;
  if (shown === undefined || model.value === undefined) return null;
  const place = { ...shown, model: model.value, conversation: current.value };
  return (
    <ModalDialog label="Request as code" class="code-dialog" onClose={close}>
      <div class="dialog-head">
        <h2>Request as code</h2>
        <IconButton icon={X} label="Close" onClick={close} />
      </div>
      <CodeView place={place} />
    </ModalDialog>
  );
}

function CodeView({ place }: { readonly place: RequestPlace }) {
  const [language, setLanguage] = useState('curl');
  const [readsFiles, setReadsFiles] = useState(false);
  const sample = useSample(place, readsFiles);
  const code = sample === undefined ? '' : (SAMPLES[language]?.(sample) ?? '');
  return (
    <>
      <div class="field-row">
        <div class="tabs" role="group" aria-label="Language">
          {Object.keys(SAMPLES).map((name) => (
            <button
              key={name}
              type="button"
              class="tab"
              aria-pressed={name === language}
              onClick={() => setLanguage(name)}
            >
              {name}
            </button>
          ))}
        </div>
        {attachmentsOf(place).length > 0 && (
          <label class="switch">
            <input
              type="checkbox"
              checked={readsFiles}
              onChange={(event) => setReadsFiles(event.currentTarget.checked)}
            />
            Read the pictures from files
          </label>
        )}
        <CopyButton label="Copy the code" textOf={() => code} />
      </div>
      <pre class="code-block" tabIndex={0}>
        {abbreviated(code)}
      </pre>
    </>
  );
}

/** The request to be written down; undefined until the bytes of its pictures are read. */
function useSample(place: RequestPlace, readsFiles: boolean): Sample | undefined {
  const [sample, setSample] = useState<Sample>();
  const { turn, column } = place;
  useEffect(() => {
    let isGone = false;
    const make = async (): Promise<void> => {
      const made = readsFiles ? sampleWithFiles(place) : await exactSample(place);
      if (!isGone) setSample(made);
    };
    void make();
    return () => {
      isGone = true;
    };
  }, [turn.id, column, readsFiles]);
  return sample;
}

async function exactSample(place: RequestPlace): Promise<Sample> {
  return { ...common(), body: await prepareRequest(place), files: [] };
}

function sampleWithFiles(place: RequestPlace): Sample {
  const files = attachmentsOf(place);
  const body = requestWith(place, ({ id }) => fileMark(files.findIndex((file) => file.id === id)));
  return { ...common(), body, files };
}

function common(): Pick<Sample, 'baseUrl' | 'needsKey'> {
  return { baseUrl: apiUrl('v1'), needsKey: apiKey.value !== '' };
}
