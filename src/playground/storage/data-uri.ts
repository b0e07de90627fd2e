/** The bytes of a file as a data URI of this type. */
export async function dataUriOf(blob: Blob, type: string): Promise<string> {
  const url = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(reader.result as string));
    reader.addEventListener('error', () => reject(reader.error ?? new Error('The file cannot be read.')));
    reader.readAsDataURL(blob);
  });
  return `data:${type};base64,${url.slice(url.indexOf(',') + 1)}`;
}
