import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

/** Widths at which the panels beside the conversation become dialogs; the style sheets have them, too. */
export const isListNarrow = matches('(max-width: 767px)');
export const areSettingsNarrow = matches('(max-width: 1099px)');

export const isListOpen = signal(false);
export const areSettingsOpen = signal(false);

function matches(query: string): ReadonlySignal<boolean> {
  const media = matchMedia(query);
  const state = signal(media.matches);
  media.addEventListener('change', () => {
    state.value = media.matches;
  });
  return state;
}
