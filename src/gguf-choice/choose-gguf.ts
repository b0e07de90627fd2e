import { VserveError } from '../errors/index.ts';
import type { Candidate, GgufFile } from './candidates.ts';
import { chooseModel } from './choose-model.ts';
import type { ChosenModel, ModelWish } from './model-wish.ts';
import { Headers } from './headers.ts';
import type { ReadStart } from './headers.ts';
import { encodingInName, tellsEncoding } from './names.ts';
import { pairProjector } from './pair-projector.ts';

/** Which model is wanted, and which of its projectors. */
export interface GgufWish extends ModelWish {
  /** A type of the projector's weights, or `auto`. */
  readonly mmprojEncoding: string;
  /** False if the projector comes from elsewhere. */
  readonly wantsProjector: boolean;
}

export interface ChosenGguf<File extends GgufFile> extends ChosenModel<File> {
  readonly mmproj: File | undefined;
  /** Why none of several projectors was chosen. */
  readonly warning: string | undefined;
}

/**
 * Chooses a model and its projector among the files of a repository or a folder. Throws what `chooseModel` and
 * `chooseProjector` throw.
 */
export async function chooseGguf<File extends GgufFile>(
  files: readonly File[],
  wish: GgufWish,
  readStart: ReadStart<File>,
): Promise<ChosenGguf<File>> {
  const headers = new Headers(readStart);
  const chosen = await chooseModel(files, wish, headers);
  if (!wish.wantsProjector) return { ...chosen, mmproj: undefined, warning: undefined };
  return { ...chosen, ...(await chooseProjector(chosen.model, files, wish.mmprojEncoding, headers)) };
}

/**
 * Chooses the projector of a model among the files beside it. Throws `invalid_setting` if `--mmproj` has to say which
 * one it is, or there is none of the type asked for.
 */
export async function chooseProjector<File extends GgufFile>(
  model: Candidate<File>,
  files: readonly File[],
  encoding: string,
  headers: Headers<File>,
): Promise<{ readonly mmproj: File | undefined; readonly warning: string | undefined }> {
  const { projectors, ambiguous, foreign } = await pairProjector(model, files, headers);
  const asked = projectors.find(({ path }) => encoding === 'auto' || tellsEncoding(path, encoding));
  if (ambiguous.length > 0) {
    throw new VserveError(
      'invalid_setting',
      `Several projectors may belong to ${model.path}: ${pathsOf(ambiguous)}. Choose one with --mmproj.`,
      { param: 'mmproj' },
    );
  }
  if (asked === undefined && encoding !== 'auto') {
    const types = projectors.map(({ path }) => encodingInName(path)?.toLowerCase() ?? path);
    const there = types.length === 0 ? 'no projector' : `only ${types.join(', ')}`;
    throw new VserveError('invalid_setting', `${model.path} has no projector of type ${encoding}: there is ${there}.`, {
      param: 'mmprojQuantizationEncoding',
    });
  }
  if (foreign.length === 0) return { mmproj: asked, warning: undefined };
  const verb = foreign.length === 1 ? 'belongs' : 'belong';
  const warning = `${pathsOf(foreign)} ${verb} to another model than ${model.path}: serving text only. For images, give a projector with --mmproj.`;
  return { mmproj: undefined, warning };
}

function pathsOf(files: readonly GgufFile[]): string {
  return files.map(({ path }) => path).join(', ');
}
