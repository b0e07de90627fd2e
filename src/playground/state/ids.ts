const ID_BYTES = 12;

/** An id that no other has. (`crypto.randomUUID` is missing on pages that were loaded over plain HTTP.) */
export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(ID_BYTES))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}
