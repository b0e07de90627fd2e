import { messageOf, VserveError } from '../../src/errors/index.ts';
import type { ImagePlacement } from './image-placement.ts';
import { toNative } from './loaded-llama.ts';
import type { NativeAddon } from './native-addon.ts';

/**
 * Reads a chat template that was given, and writes the simplest conversation by it, before a model is loaded that could not
 * be asked anything. Throws `invalid_setting`.
 */
export function checkChatTemplate(addon: NativeAddon, source: string, placement: ImagePlacement | undefined): void {
  const { prompt } = toNative({
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
    template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
  });
  try {
    addon.renderTemplate(addon.loadTemplate(source, {}, placement), prompt, 0);
  } catch (cause) {
    const reason = messageOf(cause).replace(/^The model's chat template /, '');
    const message = `The template of --chat-template ${reason}\nCorrect it, or leave it out to use the model's own.`;
    throw new VserveError('invalid_setting', message, { cause, param: 'chatTemplate' });
  }
}
