/** A channel value blended with white by its opacity, both 0 to 255; rounded to the nearest. */
export function onWhite(value: number, opacity: number): number {
  return Math.floor((value * opacity + 255 * (255 - opacity) + 127) / 255);
}

/** RGBA as RGB on white. libvips would truncate where this rounds. */
export function flattenOnWhite(rgba: Uint8Array): Uint8Array<ArrayBuffer> {
  const pixels = rgba.length / 4;
  const rgb = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const opacity = rgba[pixel * 4 + 3] ?? 0;
    for (let channel = 0; channel < 3; channel += 1) {
      rgb[pixel * 3 + channel] = onWhite(rgba[pixel * 4 + channel] ?? 0, opacity);
    }
  }
  return rgb;
}
