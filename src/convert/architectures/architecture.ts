import type { CheckpointFolder, JsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import type { ElementChange } from '../quantize/decode.ts';
import type { TensorView } from '../tensor-view.ts';

/** A tensor of a checkpoint, as a rule expects it. */
export interface SourceTensor {
  /** Its name in the form that `canonicalName` gives. */
  readonly name: string;
  /** The shape it must have, row-major. */
  readonly shape: readonly number[];
  /** It may have more rows than `shape` says; the rest is dropped. */
  readonly cutRows?: true;
}

/** Elements of one of a rule's sources. */
export interface TensorPiece {
  /** The source's position in the rule. */
  readonly source: number;
  /** Which elements, in which order; without it all of them, one after the other. */
  readonly view?: TensorView;
}

/** A tensor of a GGUF file. */
export interface TargetTensor {
  readonly name: string;
  /** Its shape, row-major. */
  readonly shape: readonly number[];
  /** The pieces it is concatenated from; without them, the rule's only source. */
  readonly pieces?: readonly TensorPiece[];
  /** Added to every element. */
  readonly addend?: number;
  /** What every element becomes. */
  readonly elements?: ElementChange;
  /** A fixed type, whatever the output type. Vectors stay F32. */
  readonly type?: 'F16' | 'F32';
}

/** What becomes of a tensor of a checkpoint, or of several that belong together. */
export interface TensorRule {
  readonly sources: readonly SourceTensor[];
  /** They are written one after the other, at the place of the last of the sources in the checkpoint. */
  readonly targets: readonly TargetTensor[];
  /** The checkpoint may lack all of the sources. */
  readonly optional?: true;
}

/** A tensor computed from the configuration instead of read from the checkpoint. */
export interface GeneratedTensor {
  readonly name: string;
  /**
   * Makes its elements; it is a vector of single precision. Called when the checkpoint's tensors have the shapes that the
   * configuration says: until then that may ask for any number of elements.
   */
  readonly values: () => readonly number[];
}

/** All that an architecture declares about one of the GGUF files it becomes. */
export interface GgufDeclaration {
  /** `general.architecture`. */
  readonly architecture: string;
  readonly tensors: readonly TensorRule[];
  /** Written before all others. */
  readonly generated?: readonly GeneratedTensor[];
  /** Removes what different writers add to a tensor's name. */
  readonly canonicalName: (name: string) => string;
  /** Tensors (by canonical name) that checkpoints may contain and GGUF does not need. */
  readonly ignored: readonly RegExp[];
  /** A chat template for checkpoints that come with none. */
  readonly chatTemplate?: string;
  /** Warnings about settings of the checkpoint that are not followed. */
  readonly warnings?: readonly string[];
  /** Writes the model's parameters. `fileType` is the value of `general.file_type`. */
  readonly writeParameters: (keyValues: KeyValues, fileType: number) => void;
  /** Writes the vocabulary and the chat template; a projector has none. */
  readonly writeTokenizer?: (keyValues: KeyValues) => Promise<void>;
}

/** A checkpoint as an architecture's declaration sees it. */
export interface Checkpoint {
  readonly folder: CheckpointFolder;
  readonly config: JsonObject;
  /** The names of its tensors, as they stand in its files. */
  readonly tensorNames: readonly string[];
}

/** A function that declares a GGUF file from a checkpoint's configuration. */
export type Declare = (checkpoint: Checkpoint) => Promise<GgufDeclaration>;
