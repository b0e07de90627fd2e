import type { Option } from './option.ts';
import { accessOptions } from './options/access-options.ts';
import { benchmarkOptions } from './options/benchmark-options.ts';
import { conversionOptions } from './options/conversion-options.ts';
import { engineOptions } from './options/engine-options.ts';
import { generalOptions } from './options/general-options.ts';
import { hubOptions } from './options/hub-options.ts';
import { imageOptions } from './options/image-options.ts';
import { limitOptions } from './options/limit-options.ts';
import { loggingOptions } from './options/logging-options.ts';
import { loraOptions } from './options/lora-options.ts';
import { modelOptions } from './options/model-options.ts';
import { requestOptions } from './options/request-options.ts';
import { samplingOptions } from './options/sampling-options.ts';
import { serverOptions } from './options/server-options.ts';
import { severalOptions } from './options/several-options.ts';
import { tracingOptions } from './options/tracing-options.ts';
import { upstreamOptions } from './options/upstream-options.ts';

/**
 * Every option of vserve, in the order of the help. Names, environment variables and defaults are those of max serve
 * where it has the option.
 */
export const options = {
  ...modelOptions,
  ...loraOptions,
  ...conversionOptions,
  ...hubOptions,
  ...engineOptions,
  ...upstreamOptions,
  ...serverOptions,
  ...severalOptions,
  ...accessOptions,
  ...limitOptions,
  ...tracingOptions,
  ...imageOptions,
  ...requestOptions,
  ...samplingOptions,
  ...benchmarkOptions,
  ...generalOptions,
  ...loggingOptions,
} as const;

export type SettingName = keyof typeof options;

/** The value of every option. */
export type Settings = {
  readonly [Name in SettingName]: (typeof options)[Name] extends Option<infer T> ? T : never;
};

/** The names of all options, in the order of the help. */
export const settingNames = Object.keys(options) as readonly SettingName[];

export type ServeSettingName = Exclude<SettingName, keyof typeof requestOptions | keyof typeof benchmarkOptions>;

/** The names of the options of a server. */
export const serveSettingNames = settingNames.filter(
  (name): name is ServeSettingName => !(name in requestOptions) && !(name in benchmarkOptions),
);
