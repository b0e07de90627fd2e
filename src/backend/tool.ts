import type { JsonObject } from './template-settings.ts';

/** A function that the model may call. */
export interface Tool {
  readonly name: string;
  /** Empty without one. */
  readonly description: string;
  /** JSON Schema of the arguments' object; undefined for a function without parameters. */
  readonly parameters: JsonObject | undefined;
  /** Path in the client's request (`tools[0].function`): the beginning of the `param` of errors about this tool. */
  readonly param?: string;
  /** Path of the schema in the request; absent it is `parameters` below `param`. */
  readonly parametersParam?: string;
}

/** Whether the model may call (`auto`), must not (`none`), must (`required`), or must call the function of this name. */
export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };

/** The tools of a request. */
export interface ToolSettings {
  /** At least one, of different names. */
  readonly tools: readonly Tool[];
  readonly choice: ToolChoice;
  /** Several calls in one answer; undefined leaves it to the model's template. */
  readonly parallel: boolean | undefined;
}
