import { effect, signal } from '@preact/signals';

const KEY_ITEM = 'vserve-api-key';

/** The API key, for as long as this tab is open. */
export const apiKey = signal(storedKey());

effect(() => {
  try {
    if (apiKey.value === '') sessionStorage.removeItem(KEY_ITEM);
    else sessionStorage.setItem(KEY_ITEM, apiKey.value);
  } catch {
    // The browser keeps nothing: the key is gone with the page.
  }
});

function storedKey(): string {
  try {
    return sessionStorage.getItem(KEY_ITEM) ?? '';
  } catch {
    return '';
  }
}

/** The address of the API: the page may be served under any path. */
export function apiUrl(path: string): string {
  return new URL(path, document.baseURI).href;
}

export function apiHeaders(): Readonly<Record<string, string>> {
  const key = apiKey.value.trim();
  return { 'content-type': 'application/json', ...(key === '' ? {} : { authorization: `Bearer ${key}` }) };
}
