import type { ChatRequest } from '../../client/index.ts';
import type { LoadedSettings, ServeSettingName } from '../../settings/index.ts';
import { connect } from '../ask/connect.ts';
import type { Context } from '../context.ts';
import { ChatSession } from './chat-session.ts';

type ChatSettings = LoadedSettings<ServeSettingName | 'url' | 'images' | 'system'>;

/** Talks with a model until the user leaves. `fields` go into every request. */
export async function converse(
  loaded: ChatSettings,
  fields: Omit<ChatRequest, 'model' | 'messages'>,
  context: Context,
): Promise<void> {
  const { images, system } = loaded.settings;
  const connection = await connect(loaded, context);
  try {
    const session = new ChatSession({ connection, fields, system, context });
    for (const image of images) await session.show(image);
    await session.run();
  } finally {
    await connection.close();
  }
}
