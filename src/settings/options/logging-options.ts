import { option } from '../option.ts';
import { anyText, byteCount, choice, optional, text, wholeNumber } from '../value-kinds.ts';

const MIB = 1024 * 1024;

/** What is logged, how, and where. */
export const loggingOptions = {
  logLevel: option({
    group: 'General',
    flags: ['log-level'],
    argument: 'level',
    environment: 'MAX_SERVE_LOGS_CONSOLE_LEVEL',
    inDotEnv: true,
    help: 'Minimum level to log',
    kind: choice(['DEBUG', 'INFO', 'WARNING', 'ERROR']),
    default: 'INFO',
  }),
  logFormat: option({
    group: 'General',
    flags: ['log-format'],
    argument: 'format',
    environment: 'VSERVE_LOG_FORMAT',
    inDotEnv: true,
    help: 'How lines of the log are written',
    kind: choice(['text', 'json'], { notes: { json: 'one object a line, for programs' } }),
    default: ({ MODULAR_STRUCTURED_LOGGING: structured = '' }) => (/^(1|true)$/i.test(structured) ? 'json' : 'text'),
    defaultText: 'text; json where MODULAR_STRUCTURED_LOGGING is 1',
  }),
  logPrefix: option({
    group: 'General',
    flags: ['log-prefix'],
    argument: 'text',
    environment: 'MAX_SERVE_LOG_PREFIX',
    inDotEnv: true,
    help: 'Text in front of the message of each line',
    kind: anyText(),
    default: '',
    defaultText: 'none',
  }),
  logFile: option({
    group: 'General',
    flags: ['log-file'],
    argument: 'path',
    environment: 'MAX_SERVE_LOGS_FILE_PATH',
    help: 'File that the log is written to as well',
    kind: optional(text('the path of a file')),
    default: undefined,
    defaultText: 'none',
  }),
  logFileLevel: option({
    group: 'General',
    flags: ['log-file-level'],
    argument: 'level',
    environment: 'MAX_SERVE_LOGS_FILE_LEVEL',
    inDotEnv: true,
    help: 'Minimum level to write to that file',
    kind: choice(['DEBUG', 'INFO', 'WARNING', 'ERROR']),
    default: 'INFO',
  }),
  logFileMaxBytes: option({
    group: 'General',
    flags: ['log-file-max-bytes'],
    argument: 'bytes',
    help: 'Size at which that file is put aside (.1, .2, …) and a new one begun',
    kind: byteCount(),
    default: 100 * MIB,
  }),
  logFileCount: option({
    group: 'General',
    flags: ['log-file-count'],
    argument: 'n',
    help: 'How many of the files put aside are kept',
    kind: wholeNumber(1),
    default: 5,
  }),
} as const;
