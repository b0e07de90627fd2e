/** Puts a text on the clipboard. Whether it could. */
export async function copyText(text: string): Promise<boolean> {
  // On pages that were loaded over plain HTTP from another machine, there is only the old way.
  if (!isSecureContext) return copySelected(text);
  return navigator.clipboard.writeText(text).then(
    () => true,
    () => copySelected(text),
  );
}

function copySelected(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  // Within an open dialog, nothing outside can be selected.
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  return isCopied;
}
