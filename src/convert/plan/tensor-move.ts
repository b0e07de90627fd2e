import type { Delta } from '../adapters/delta.ts';
import type { Scale } from '../checkpoint/tensor-scale.ts';
import type { GgmlType } from '../gguf/ggml-types.ts';
import type { ElementChange, SourceDtype } from '../quantize/decode.ts';
import type { TensorView } from '../tensor-view.ts';

/** How elements of one tensor get from a shard to a GGUF file. Offsets count bytes from the files' starts. */
export interface TensorMove {
  readonly shard: string;
  readonly sourceOffset: number;
  readonly dtype: SourceDtype;
  /** What the elements are multiplied by; `first` is the element of the tensor that `sourceOffset` leads to. */
  readonly scale?: Scale & { readonly first: number };
  /** What is added to the elements then; `first` as above. */
  readonly delta?: Delta & { readonly first: number };
  /** Which elements of the tensor, in which order, with as few axes as possible; without it, one after the other. */
  readonly view?: TensorView | undefined;
  readonly elements: number;
  readonly targetOffset: number;
  readonly type: GgmlType;
  readonly addend: number;
  /** What each element becomes, if it changes. */
  readonly change: ElementChange | undefined;
}
