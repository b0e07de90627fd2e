"""Compares this project's decoders with Pillow's, pixel for pixel, over files of all formats and modes.

For maintainers, after npm run build:ts: python test/reference/compare-pillow.py (needs Pillow and numpy). It makes the
files with Pillow, adds those of test/fixtures/images, decodes all of them both ways and prints a Markdown table. What is
expected of Pillow's pixels: orientation applied, ICC profiles converted to sRGB, 16 bits cut to 8, alpha on white.
Exits with 1 when any channel of any pixel is further off than a level.
"""

import io
import json
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 67, 45
# A level is one of 255. Nothing may be further off.
TOLERANCE = 1
# AV1 does not say how colours of half the resolution are scaled up. What comes out of libvips repeats each of them, what
# comes out of Pillow interpolates, and sharp has no option for it. Such files are compared by brightness and by colour,
# ours scaled up as Pillow's: see half_colours_difference.
OF_HALF_COLOURS = {"lossy-420.avif"}
# Largest difference of brightness and colour in levels: they are computed from RGB that both decoders rounded.
ROUNDED_TOLERANCE = 1.5


def sample(channels: int) -> np.ndarray:
    """Gradients with noise in some of their squares."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    gradient = np.stack([(x * 3) % 256, (y * 5) % 256, ((x + y) * 2) % 256, 255 - (x * 3) % 256], -1)
    noise = rng.integers(0, 256, (HEIGHT, WIDTH, 4))
    return np.where(((x // 9 + y // 9) % 3 == 0)[..., None], noise, gradient)[..., :channels].astype("uint8")


def wide_profile() -> bytes:
    """An RGB profile of matrix and gamma 2.2 whose primaries are wider than sRGB's (ICC.1:2022, sections 7 to 10)."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(fixed(value) for value in values)

    name = b"wide RGB"
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    tags = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + b"\0" + bytes(78 + 1)),
        (b"cprt", b"text\0\0\0\0none\0\0\0\0"),
        (b"wtpt", xyz(0.9642, 1.0, 0.8249)),
        (b"rXYZ", xyz(0.6097, 0.3111, 0.0195)),
        (b"gXYZ", xyz(0.2053, 0.6257, 0.0609)),
        (b"bXYZ", xyz(0.1492, 0.0632, 0.7446)),
        (b"rTRC", curve),
        (b"gTRC", curve),
        (b"bTRC", curve),
    ]
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, content in tags:
        table += tag + struct.pack(">II", start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(data), b"\0\0\0\0", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + fixed(0.9642) + fixed(1.0) + fixed(0.8249)
    return header + bytes(128 - len(header)) + table + data


def write_files(folder: Path) -> None:
    rgb, rgba = Image.fromarray(sample(3)), Image.fromarray(sample(4))
    grey, la = rgb.convert("L"), rgba.convert("LA")
    cmyk, bilevel = rgb.convert("CMYK"), rgb.convert("1")
    palette = rgb.quantize(37)
    deep = Image.fromarray((sample(1)[..., 0].astype("uint16") * 257 + 3).astype("uint16"))
    profile = wide_profile()
    rotated = Image.Exif()
    rotated[0x0112] = 6

    def save(image: Image.Image, name: str, **options: object) -> None:
        image.save(folder / name, **options)

    for name, image in {"rgb": rgb, "rgba": rgba, "grey": grey, "grey-alpha": la, "bilevel": bilevel, "palette": palette, "grey16": deep}.items():
        save(image, f"{name}.png")
    save(palette, "palette-transparent.png", transparency=5)
    save(rgb, "rgb-transparent-color.png", transparency=(0, 0, 0))
    save(grey, "grey-transparent-value.png", transparency=3)
    save(rgb, "wide-profile.png", icc_profile=profile)
    save(rgba, "wide-profile-alpha.png", icc_profile=profile)
    save(rgb, "srgb-profile.png", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for quality in (40, 75, 95):
        save(rgb, f"quality-{quality}.jpg", quality=quality)
    save(rgb, "progressive.jpg", progressive=True, subsampling="4:4:4")
    save(rgb, "optimized-restart.jpg", optimize=True, restart_marker_rows=1)
    save(grey, "grey.jpg")
    save(cmyk, "cmyk.jpg")
    save(rgb, "wide-profile.jpg", icc_profile=profile, quality=90)
    save(rgb, "rotated.jpg", exif=rotated)
    save(rgb, "lossy.webp", quality=60)
    save(rgb, "lossless.webp", lossless=True)
    save(rgba, "lossless-alpha.webp", lossless=True, exact=True)
    save(rgba, "lossy-alpha.webp", quality=80, alpha_quality=90)
    save(rgb, "rotated.webp", exif=rotated, lossless=True)
    save(rgb, "animated.webp", save_all=True, append_images=[ImageOps.invert(rgb)], lossless=True)
    save(palette, "palette.gif")
    save(palette, "interlaced.gif", interlace=1)
    save(palette, "transparent.gif", transparency=5)
    save(bilevel, "bilevel.gif")
    save(grey, "animated.gif", save_all=True, append_images=[ImageOps.invert(grey)])
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        save(rgb, f"rgb-{compression or 'raw'}.tif", compression=compression)
    for name, image in {"rgba": rgba, "grey": grey, "cmyk": cmyk, "palette": palette, "grey16": deep}.items():
        save(image, f"{name}.tif", compression="tiff_lzw")
    save(bilevel, "bilevel.tif")
    save(bilevel, "fax.tif", compression="group4")
    save(rgb, "wide-profile.tif", icc_profile=profile)
    save(rgb, "two-pages.tif", save_all=True, append_images=[ImageOps.invert(rgb)])
    for name, image in {"rgb": rgb, "grey": grey, "bilevel": bilevel, "palette": palette}.items():
        save(image, f"{name}.bmp")
    for name, image in {"rgb.ppm": rgb, "grey.pgm": grey, "grey16.pgm": deep, "bilevel.pbm": bilevel}.items():
        save(image, name)
    save(rgb, "lossless.avif", quality=100, subsampling="4:4:4")
    # Even sides: at an odd one's last column Pillow does not interpolate as elsewhere.
    save(rgb.crop((0, 0, WIDTH - 1, HEIGHT - 1)), "lossy-420.avif", quality=60)
    save(rgb, "lossy-444.avif", quality=80, subsampling="4:4:4")
    save(grey, "grey.avif", quality=90)
    save(rgba, "alpha.avif", quality=90, subsampling="4:4:4")


def expected_pixels(path: Path) -> tuple[str, np.ndarray]:
    with Image.open(path) as image:
        mode, profile = image.mode, image.info.get("icc_profile")
        image = ImageOps.exif_transpose(image)
        if mode.startswith("I"):
            return mode, np.repeat((np.asarray(image).astype("uint32") >> 8).astype("uint8")[..., None], 3, -1)
        has_alpha = "A" in mode or "transparency" in image.info
        image = image.convert("RGBA" if has_alpha else "CMYK" if mode == "CMYK" else "RGB")
        if profile is not None and mode != "CMYK":
            alpha = image.getchannel("A") if has_alpha else None
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            # With profiles of a matrix, as these are, every rendering intent gives the same.
            colors = ImageCms.profileToProfile(image.convert("RGB"), source, ImageCms.createProfile("sRGB"), 1)
            image = colors.convert("RGBA") if alpha is not None else colors
            if alpha is not None:
                image.putalpha(alpha)
        if not has_alpha:
            return mode, np.asarray(image.convert("RGB"))
        pixels = np.asarray(image).astype("float64")
        alpha = pixels[..., 3:] / 255
        return mode, np.round(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype("uint8")


def half_colours_difference(ours: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference in levels of brightness, and of colour once each of ours is mixed with its neighbours.

    Both in YCbCr (JFIF's weights). Only of pixels that neither side cut to 0 or 255, with neighbours of which that is true.
    """
    weights = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    our_yuv, expected_yuv = ours @ weights.T, expected @ weights.T
    whole = ((ours % 255 > 0) & (expected % 255 > 0)).all(-1)

    def blocks(values: np.ndarray) -> np.ndarray:
        height, width = values.shape[0] // 2, values.shape[1] // 2
        return values.reshape(height, 2, width, 2, *values.shape[2:]).swapaxes(1, 2)

    def doubled(values: np.ndarray) -> np.ndarray:
        """Twice as many rows: of the nearest one and the next three quarters and one."""
        padded = np.concatenate([values[:1], values, values[-1:]])
        rows = np.stack([0.75 * values + 0.25 * padded[:-2], 0.75 * values + 0.25 * padded[2:]], 1)
        return rows.reshape(-1, *values.shape[1:])

    whole_blocks = blocks(whole).all((2, 3))
    of_block = blocks(our_yuv[..., 1:])
    repeats = np.ptp(of_block, axis=(2, 3))[whole_blocks].max()
    scaled = doubled(doubled(of_block.mean((2, 3))).swapaxes(0, 1)).swapaxes(0, 1)
    near = np.pad(whole_blocks, 1, "edge")
    near = np.lib.stride_tricks.sliding_window_view(near, (3, 3)).all((2, 3)).repeat(2, 0).repeat(2, 1)
    brightness = np.abs(our_yuv - expected_yuv)[..., 0][whole].max()
    colours = np.abs(scaled - expected_yuv[..., 1:])[near].max()
    return max(repeats, brightness, colours)


def main() -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_files(folder)
        for fixture in (ROOT / "test" / "fixtures" / "images").iterdir():
            if fixture.suffix != ".json":
                shutil.copy(fixture, folder / f"fixture-{fixture.name}")
        names = sorted(path.name for path in folder.iterdir())
        command = ["node", str(ROOT / "dist" / "scripts" / "reference" / "decode-images.js"), temporary]
        sizes = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print("| file | mode | size | largest difference | pixels that differ |\n| --- | --- | ---: | ---: | ---: |")
        worst = 0
        for name in names:
            mode, expected = expected_pixels(folder / name)
            height, width, _ = expected.shape
            if sizes[name] != [width, height]:
                print(f"| {name} | {mode} | {width}x{height} | {sizes[name]} | |")
                worst = 255
                continue
            ours = np.fromfile(folder / f"{name}.rgb", dtype="uint8").reshape(expected.shape)
            difference = np.abs(ours.astype(int) - expected.astype(int)).max(-1)
            if name not in OF_HALF_COLOURS:
                worst = max(worst, int(difference.max()))
            elif (of_colours := half_colours_difference(ours, expected)) > ROUNDED_TOLERANCE:
                worst = 255
            print(f"| {name} | {mode} | {width}x{height} | {difference.max()} | {(difference > 0).mean():.1%} |")
        print(f"\n{len(names)} files; the largest difference is {worst} of 255 (without {', '.join(OF_HALF_COLOURS)},")
        print(f"whose brightness and colours are within {of_colours:.1f}).")
        return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
