/** A GGUF metadata value (ggml/docs/gguf.md, `gguf_metadata_value`), only of the types that the converter writes. */
export type GgufValue =
  | { readonly type: 'uint32' | 'int32' | 'float32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'array'; readonly of: 'int32' | 'float32'; readonly value: readonly number[] }
  | { readonly type: 'array'; readonly of: 'bool'; readonly value: readonly boolean[] }
  | { readonly type: 'array'; readonly of: 'string'; readonly value: readonly string[] };

export const uint32 = (value: number): GgufValue => ({ type: 'uint32', value });
export const int32 = (value: number): GgufValue => ({ type: 'int32', value });
export const float32 = (value: number): GgufValue => ({ type: 'float32', value });
export const bool = (value: boolean): GgufValue => ({ type: 'bool', value });
export const string = (value: string): GgufValue => ({ type: 'string', value });
export const int32Array = (value: readonly number[]): GgufValue => ({ type: 'array', of: 'int32', value });
export const float32Array = (value: readonly number[]): GgufValue => ({ type: 'array', of: 'float32', value });
export const boolArray = (value: readonly boolean[]): GgufValue => ({ type: 'array', of: 'bool', value });
export const stringArray = (value: readonly string[]): GgufValue => ({ type: 'array', of: 'string', value });

/**
 * The key-values of a GGUF file, in the order in which they were first set. As in gguf-py, setting a key again changes
 * its value and not its place, and an empty string or array is not written at all.
 */
export class KeyValues {
  readonly #values = new Map<string, GgufValue>();

  set(key: string, value: GgufValue | undefined): this {
    if (value === undefined) return this;
    const isEmpty = (value.type === 'string' || value.type === 'array') && value.value.length === 0;
    if (!isEmpty) this.#values.set(key, value);
    return this;
  }

  get size(): number {
    return this.#values.size;
  }

  [Symbol.iterator](): IterableIterator<[string, GgufValue]> {
    return this.#values.entries();
  }
}
