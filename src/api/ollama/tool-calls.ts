import type { ToolCall } from '../../backend/index.ts';

export interface ToolCallJson {
  readonly id: string;
  readonly function: { readonly index: number; readonly name: string; readonly arguments: object };
}

/** A call whose arguments are complete; undefined for one that the end of the answer cut. */
export function toolCallJson({ id, name, arguments: text }: ToolCall, index: number): ToolCallJson | undefined {
  const values = objectOf(text);
  return values === undefined ? undefined : { id, function: { index, name, arguments: values } };
}

function objectOf(text: string): object | undefined {
  if (text.trim() === '') return {};
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
