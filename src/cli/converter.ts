import { join } from 'node:path';
import { VserveError } from '../errors/index.ts';
import type { Settings } from '../settings/index.ts';
import type { Converter } from '../store/index.ts';
import type { Dependencies } from './context.ts';

/** The settings that choose a converter. */
export const converterSettingNames = ['converter', 'python'] as const;

type ConverterSettings = Pick<Settings, (typeof converterSettingNames)[number] | 'backend' | 'home'>;

/** The converter that the settings choose. Throws `unsupported_capability` if the backend lacks llama.cpp's. */
export async function loadConverter(settings: ConverterSettings, dependencies: Dependencies): Promise<Converter> {
  const builtIn = await dependencies.loadConverter();
  if (settings.converter === 'built-in') return builtIn;
  const { name, converterSource: source } = await dependencies.findBackend(settings.backend);
  if (source === undefined) {
    throw new VserveError(
      'unsupported_capability',
      `The backend ${name} does not include llama.cpp's converter. Omit --converter, or use --backend node-llama-cpp.`,
      { param: 'converter' },
    );
  }
  const { python, home } = settings;
  return new builtIn.LlamaCppConverter({ source, toolsDir: join(home, 'tools'), python });
}

/** The current version of the converter named in a manifest. Throws the same error. */
export async function converterOf(
  converterVersion: string,
  settings: Omit<ConverterSettings, 'converter'>,
  dependencies: Dependencies,
): Promise<Converter> {
  const { llamaCppVersionPrefix: prefix } = await dependencies.loadConverter();
  const converter = converterVersion.startsWith(prefix) ? 'llama.cpp' : 'built-in';
  return loadConverter({ ...settings, converter }, dependencies);
}
