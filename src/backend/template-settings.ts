/** A value of JSON. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** How the conversation is rendered by the model's chat template. */
export interface TemplateSettings {
  /**
   * The template's variables, by name (`enable_thinking`, `reasoning_effort`, …). A variable that is not given is
   * undefined in the template, as in transformers' `apply_chat_template`.
   */
  readonly variables: Readonly<Record<string, JsonValue>>;
  /** Open the assistant's turn after the last message; ignored where the last message is continued. */
  readonly addGenerationPrompt: boolean;
  /** Let the model go on in the last message, instead of ending its turn. */
  readonly continueFinalMessage: boolean;
}
