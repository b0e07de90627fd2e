import type { ServedModel } from '../model/served-model.ts';
import type { WireRequest } from '../wire-format.ts';

/** What the formats know of the model. */
export type OllamaModel = Pick<ServedModel, 'name' | 'info' | 'isManaged'>;

/** What a request without a prompt is for: to have the model in memory. */
export type LoadReason = 'load' | 'unload';

/** A request of `/api/chat` or `/api/generate`. */
export interface OllamaRequest extends WireRequest {
  readonly answer: {
    /** The model's name, as the request has it. */
    readonly model: string;
    /** Set if there is nothing to generate. */
    readonly load: LoadReason | undefined;
  };
}
