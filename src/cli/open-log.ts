import type { LoadedSettings } from '../settings/index.ts';
import type { Output } from './output.ts';
import { logLevelOf } from './output.ts';

type LogSettings = LoadedSettings<
  'logLevel' | 'logFormat' | 'logPrefix' | 'logFile' | 'logFileLevel' | 'logFileMaxBytes' | 'logFileCount'
>['settings'];

/** Logs as the settings say from now on. Throws `invalid_setting`. */
export async function openLog(settings: LogSettings, output: Output): Promise<void> {
  const { logFile: path, logFormat: format, logPrefix: prefix } = settings;
  output.level = logLevelOf(settings.logLevel);
  output.configureLog({ format, prefix, file: undefined });
  if (path === undefined) return;
  const { LogFile } = await import('./log-file.ts');
  const file = await LogFile.open({
    path,
    maxBytes: settings.logFileMaxBytes,
    maxFiles: settings.logFileCount,
    onLost: (reason) => output.log('warning', `Lines of the log file ${path} are lost (${reason}).`),
  });
  const level = logLevelOf(settings.logFileLevel);
  output.configureLog({
    format,
    prefix,
    file: { level, write: (line) => file.write(line), close: () => file.close() },
  });
}
