/** Names of sRGB profiles: "sRGB IEC61966-2.1", "sRGB built-in", "sRGB2014", … */
const SRGB_NAME = /sRGB|IEC ?61966-2\.1/i;
const HEADER_BYTES = 128;
const TAG_BYTES = 12;
const MAX_TAGS = 100;

/**
 * Whether an ICC profile is one of sRGB, which needs no conversion. Read from its description
 * tag `desc` (ICC.1:2022, section 7.3 and 10.15; the older `desc` type holds plain ASCII).
 */
export function isSrgbProfile(profile: Buffer): boolean {
  if (profile.length < HEADER_BYTES + 4) return false;
  const tags = Math.min(profile.readUInt32BE(HEADER_BYTES), MAX_TAGS);
  for (let tag = 0; tag < tags; tag += 1) {
    const at = HEADER_BYTES + 4 + tag * TAG_BYTES;
    if (profile.length < at + TAG_BYTES) return false;
    if (profile.toString('latin1', at, at + 4) !== 'desc') continue;
    const start = profile.readUInt32BE(at + 4);
    const description = profile.subarray(start, start + profile.readUInt32BE(at + 8)).toString('latin1');
    // Newer profiles use UTF-16, which equals ASCII without its zero bytes.
    return SRGB_NAME.test(description.replaceAll('\0', ''));
  }
  return false;
}
