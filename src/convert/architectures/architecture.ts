import type { CheckpointFolder, JsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { KeyValues } from '../gguf/key-values.ts';

/** What becomes of one tensor of a checkpoint. */
export interface TensorRule {
  /** Its name in the GGUF file. */
  readonly target: string;
  /** The shape it must have, row-major. */
  readonly shape: readonly number[];
  /** It may have more rows than `shape` says; those beyond are left out. */
  readonly cutRows?: true;
  /** Added to every element. */
  readonly addend?: number;
  /** The type it always gets, whatever the output type. A vector is F32 even so. */
  readonly type?: 'F16' | 'F32';
  /** The checkpoint may lack it. */
  readonly optional?: true;
}

/** All that an architecture declares about one of the GGUF files it becomes. */
export interface GgufDeclaration {
  /** `general.architecture`. */
  readonly architecture: string;
  /** The rules, by the tensor's name in the form that `canonicalName` gives. */
  readonly tensors: ReadonlyMap<string, TensorRule>;
  /** Removes what the different writers of such checkpoints put around a tensor's name. */
  readonly canonicalName: (name: string) => string;
  /** Tensors (by canonical name) that such checkpoints may hold and no GGUF file needs. */
  readonly ignored: readonly RegExp[];
  /** Writes the model's parameters. `fileType` is the value of `general.file_type`. */
  readonly writeParameters: (keyValues: KeyValues, fileType: number) => void;
  /** Writes the vocabulary and the chat template; a projector has none. */
  readonly writeTokenizer?: (keyValues: KeyValues) => Promise<void>;
}

/** A checkpoint as an architecture's declaration sees it. */
export interface Checkpoint {
  readonly folder: CheckpointFolder;
  readonly config: JsonObject;
}

/** A function that declares a GGUF file from a checkpoint's configuration. */
export type Declare = (checkpoint: Checkpoint) => Promise<GgufDeclaration>;
