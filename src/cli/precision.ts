import type { Settings } from '../settings/index.ts';
import type { AskedPrecisions } from '../store/index.ts';

const longNames = { float32: 'f32', float16: 'f16', bfloat16: 'bf16' } as const;

/** What the store calls the precisions that a person asked for. */
export function precisionsOf(
  settings: Pick<Settings, 'quantizationEncoding' | 'mmprojQuantizationEncoding'>,
): AskedPrecisions {
  return {
    precision: shortName(settings.quantizationEncoding),
    mmprojOuttype: shortName(settings.mmprojQuantizationEncoding),
  };
}

type ShortName<Name> = Name extends keyof typeof longNames ? (typeof longNames)[Name] : Name;

function shortName<Name extends string>(name: Name): ShortName<Name> {
  return (Object.hasOwn(longNames, name) ? longNames[name as keyof typeof longNames] : name) as ShortName<Name>;
}
