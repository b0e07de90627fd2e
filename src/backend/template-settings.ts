/** A JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** An object of JSON. */
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** How the conversation is rendered by the model's chat template. */
export interface TemplateSettings {
  /**
   * Variables of the template, by name (`enable_thinking`, `reasoning_effort`, …). Others are undefined in the template,
   * as in transformers' `apply_chat_template`.
   */
  readonly variables: Readonly<Record<string, JsonValue>>;
  /** Open the assistant's turn after the last message; ignored when the last message is continued. */
  readonly addGenerationPrompt: boolean;
  /** Let the model continue the last message instead of ending its turn. */
  readonly continueFinalMessage: boolean;
}
