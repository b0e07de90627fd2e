import type { AdapterFiles } from '../threads/messages.ts';
import { withThreads } from '../threads/with-threads.ts';

export interface ConvertAdapterOptions extends AdapterFiles {
  readonly signal: AbortSignal;
}

/**
 * Converts a PEFT LoRA adapter of a text model (`adapter_config.json`, `adapter_model.safetensors`) to GGUF, as
 * llama.cpp's convert_lora_to_gguf.py does. The file must not exist; after an error, what is there is not an adapter.
 *
 * Throws what `planAdapter` throws, `disk_full`; the signal's reason when it is aborted.
 */
export async function convertAdapter({ signal, ...options }: ConvertAdapterOptions): Promise<void> {
  await withThreads(1, signal, async ([thread]) => thread.request({ kind: 'adapter', options }));
}
