import { shortByLong } from '../settings/index.ts';
import type { Settings } from '../settings/index.ts';
import type { AskedPrecisions } from '../store/index.ts';

/** The precisions of the settings, by the names of the store. */
export function precisionsOf(
  settings: Pick<Settings, 'quantizationEncoding' | 'mmprojQuantizationEncoding'>,
): AskedPrecisions {
  return {
    precision: shortName(settings.quantizationEncoding),
    mmprojOuttype: shortName(settings.mmprojQuantizationEncoding),
  };
}

type Long = keyof typeof shortByLong;
type ShortName<Name> = Name extends Long ? (typeof shortByLong)[Name] : Name;

function shortName<Name extends string>(name: Name): ShortName<Name> {
  return (Object.hasOwn(shortByLong, name) ? shortByLong[name as Name & Long] : name) as ShortName<Name>;
}
