import { VserveError } from '../../src/errors/index.ts';
import { readHeader } from './llama-model.ts';

/** The projector's type. Throws `gguf_invalid` for a file that is no vision projector. */
export async function projectorTypeOf(mmprojPath: string): Promise<string> {
  const { metadata } = await readHeader(mmprojPath);
  const clip = (metadata as { clip?: { projector_type?: unknown; vision?: { projector_type?: unknown } } }).clip;
  const type = clip?.projector_type ?? clip?.vision?.projector_type;
  if (typeof type !== 'string') {
    throw new VserveError(
      'gguf_invalid',
      `${mmprojPath} is not a vision projector (mmproj): it names no projector type.`,
    );
  }
  return type;
}
