/** FFmpeg's name of a container. */
export type VideoFormat = 'mov' | 'matroska' | 'avi' | 'mpegts' | 'mpeg' | 'flv' | 'ogg' | 'asf';

/** The containers that are read, for error messages. */
export const SUPPORTED_VIDEOS = 'MP4, MOV, WebM, Matroska, AVI, MPEG, FLV, Ogg or WMV';

/**
 * Recognized by their bytes, and read by one named demuxer: playlists and scripts, with which FFmpeg would open other
 * files and addresses, are none of them.
 */
const SIGNATURES: readonly (readonly [VideoFormat, RegExp])[] = [
  // A box of the type ftyp, moov, mdat, wide, free, skip or pnot.
  ['mov', /^.{8}(?:66747970|6d6f6f76|6d646174|77696465|66726565|736b6970|706e6f74)/],
  ['matroska', /^1a45dfa3/],
  // RIFF, and AVI behind its size.
  ['avi', /^52494646.{8}41564920/],
  ['mpeg', /^000001(?:ba|b3)/],
  // FLV
  ['flv', /^464c5601/],
  // OggS
  ['ogg', /^4f676753/],
  ['asf', /^3026b2758e66cf11/],
];
const SYNC = 0x47;
const TS_PACKET_BYTES = 188;

export function videoFormatOf(file: Uint8Array): VideoFormat | undefined {
  const start = Buffer.from(file.subarray(0, 16)).toString('hex');
  const isTransportStream = [0, 1, 2].every((packet) => file[packet * TS_PACKET_BYTES] === SYNC);
  return isTransportStream ? 'mpegts' : SIGNATURES.find(([, signature]) => signature.test(start))?.[0];
}
