import type { Bench } from '../bench.ts';
import { agent } from './agent.ts';
import { album } from './album.ts';
import { shortBehindLong } from './behind.ts';
import { busyNeighbours } from './busy-neighbours.ts';
import { cancelDuringEncode } from './cancel.ts';
import { formats } from './formats.ts';
import { hop } from './hop.ts';
import { hybrid } from './hybrid.ts';
import { imageTtft } from './image-ttft.ts';
import { pictureStreams } from './picture-streams.ts';
import { largeMedia } from './large-media.ts';
import { startAndMemory } from './start.ts';
import { streamGap } from './stream-gap.ts';
import { structuredOutput } from './structured.ts';
import { twoTenants } from './tenants.ts';
import { textTtft } from './text-ttft.ts';
import { tokensPerSecond } from './tokens-per-second.ts';

/** Every scenario, by the name that `--only` takes, in the order in which they run. */
export const scenarios = {
  start: startAndMemory,
  tokens: tokensPerSecond,
  structured: structuredOutput,
  formats,
  text: textTtft,
  behind: shortBehindLong,
  image: imageTtft,
  album,
  hybrid,
  agent,
  gap: streamGap,
  cancel: cancelDuringEncode,
  media: largeMedia,
  pictures: pictureStreams,
  busy: busyNeighbours,
  tenants: twoTenants,
  hop,
} as const satisfies Record<string, (bench: Bench) => Promise<void>>;

export type ScenarioName = keyof typeof scenarios;

export const scenarioNames = Object.keys(scenarios) as readonly ScenarioName[];
