"""Writes the pictures of test/fixtures/images and the pixels that Pillow sees in them.

For maintainers: python test/reference/image-pixels.py (needs Pillow and numpy). The pictures are made once and
committed; `pixels.json` holds, for each of them and for those of test/fixtures/shapes-vlm-reference, the size and the
SHA-256 of the bytes of ImageOps.exif_transpose(image).convert("RGB"), which is what the processors of Hugging Face
see before they resize.
"""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FIXTURES = Path(__file__).resolve().parents[2] / "test" / "fixtures"
IMAGES = FIXTURES / "images"
WIDTH, HEIGHT = 83, 61


def sample_picture() -> Image.Image:
    """Gradients and noise in a chess board: smooth and sharp edges, and an odd size."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    gradient = np.stack([(x * 3) % 256, (y * 4) % 256, ((x + y) * 2) % 256], -1)
    noise = rng.integers(0, 256, (HEIGHT, WIDTH, 3))
    is_gradient = ((x // 10 + y // 10) % 2 == 0)[..., None]
    return Image.fromarray(np.where(is_gradient, gradient, noise).astype("uint8"))


def write_pictures() -> None:
    picture = sample_picture()
    grey, small = picture.convert("L"), picture.crop((20, 20, 37, 31))
    for quality, subsampling in [(75, "4:2:0"), (80, "4:2:2"), (90, "4:4:4")]:
        name = f"subsampling-{subsampling.replace(':', '')}.jpg"
        picture.save(IMAGES / name, quality=quality, subsampling=subsampling)
    picture.save(IMAGES / "progressive.jpg", quality=80, progressive=True)
    grey.save(IMAGES / "grey.jpg")
    picture.convert("CMYK").save(IMAGES / "cmyk.jpg", quality=90)
    picture.convert("CMYK").save(IMAGES / "cmyk.tif", compression="tiff_lzw")
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        small.save(IMAGES / f"orientation-{orientation}.jpg", quality=90, exif=exif)
    grey.save(IMAGES / "grey.png")
    picture.convert("1").save(IMAGES / "bilevel.png")
    picture.quantize(200).save(IMAGES / "palette.png")
    picture.quantize(12).save(IMAGES / "palette-4bit.png", bits=4)
    picture.save(IMAGES / "lossy.webp", quality=70)
    picture.save(IMAGES / "lossless.webp", lossless=True)
    frames = [picture.quantize(64), ImageOps.invert(picture).quantize(64)]
    frames[0].save(IMAGES / "two-frames.gif", save_all=True, append_images=frames[1:])
    picture.save(IMAGES / "lzw.tif", compression="tiff_lzw")
    small.save(IMAGES / "binary.ppm")
    small.convert("L").save(IMAGES / "binary.pgm")
    small.convert("1").save(IMAGES / "binary.pbm")
    write_text_netpbm(small)
    write_bitmaps(small)


def write_text_netpbm(picture: Image.Image) -> None:
    values = np.asarray(picture).astype(int) * 13 // 255
    rows = "\n".join(" ".join(map(str, row.ravel())) for row in values)
    text = f"P3 # a comment\n{picture.width} {picture.height}\n13\n{rows}\n"
    (IMAGES / "text.ppm").write_text(text)


def write_bitmaps(picture: Image.Image) -> None:
    picture.save(IMAGES / "24bit.bmp")
    picture.convert("L").save(IMAGES / "grey.bmp")
    picture.convert("1").save(IMAGES / "bilevel.bmp")
    indexed = picture.quantize(16)
    indexed.save(IMAGES / "palette.bmp")
    indices = np.asarray(indexed)
    colors = np.array(indexed.getpalette()[: 16 * 3]).reshape(-1, 3)
    palette = b"".join(bytes([b, g, r, 0]) for r, g, b in colors)
    width, height = picture.size

    nibbles = np.pad(indices, ((0, 0), (0, -width % 8)))
    packed = (nibbles[:, 0::2] << 4 | nibbles[:, 1::2]).astype("uint8")
    write_bmp("palette-4bit", 40, width, height, 4, 0, palette, packed[::-1].tobytes())
    write_bmp("palette-4bit-top-down", 40, width, -height, 4, 0, palette, packed.tobytes())
    core_palette = b"".join(bytes([b, g, r]) for r, g, b in colors)
    write_bmp("os2", 12, width, height, 4, 0, core_palette, packed[::-1].tobytes())

    blocky = np.repeat(np.repeat(indices[:4, :5], 3, 0), 4, 1)[:height, :width]
    write_bmp("rle8", 40, blocky.shape[1], blocky.shape[0], 8, 1, palette, run_lengths(blocky))

    rgb = np.asarray(picture).astype("uint16")
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    pad = ((0, 0), (0, width % 2))
    rgb555 = np.pad(r >> 3 << 10 | g >> 3 << 5 | b >> 3, pad).astype("<u2")
    rgb565 = np.pad(r >> 3 << 11 | g >> 2 << 5 | b >> 3, pad).astype("<u2")
    write_bmp("16bit-555", 40, width, height, 16, 0, b"", rgb555[::-1].tobytes())
    masks = struct.pack("<3I", 0xF800, 0x07E0, 0x001F)
    write_bmp("16bit-565", 40, width, height, 16, 3, masks, rgb565[::-1].tobytes())
    bgrx = np.dstack([b, g, r, np.full_like(r, 9)]).astype("uint8")
    write_bmp("32bit", 40, width, height, 32, 0, b"", bgrx[::-1].tobytes())
    v4 = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0) + bytes(52)
    write_bmp("32bit-v4", 108, width, height, 32, 3, v4, bgrx[::-1].tobytes())


def run_lengths(indices: np.ndarray) -> bytes:
    """Encoded and absolute runs in turn, bottom row first."""
    data = bytearray()
    for number, row in enumerate(indices[::-1]):
        if number % 2:
            data += bytes([0, len(row), *row]) + bytes(len(row) % 2)
        else:
            for start in range(0, len(row), 4):
                run = row[start : start + 4]
                data += b"".join(bytes([1, value]) for value in run) if len(set(run)) > 1 else bytes([len(run), run[0]])
        data += b"\0\0"
    return bytes(data) + b"\0\1"


def write_bmp(name: str, header_size: int, width: int, height: int, bits: int, compression: int, extra: bytes, pixels: bytes) -> None:
    if header_size == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        colors = len(extra) // 4 if bits <= 8 else 0
        header = struct.pack("<IiiHHIIiiII", header_size, width, height, 1, bits, compression, len(pixels), 0, 0, colors, 0)
    offset = 14 + len(header) + len(extra)
    file_header = struct.pack("<2sIHHI", b"BM", offset + len(pixels), 0, 0, offset)
    (IMAGES / f"{name}.bmp").write_bytes(file_header + header + extra + pixels)


def pixels_of(path: Path) -> dict:
    with Image.open(path) as image:
        mode = image.mode
        rgb = ImageOps.exif_transpose(image).convert("RGB")
    return {"mode": mode, "width": rgb.width, "height": rgb.height, "sha256": hashlib.sha256(rgb.tobytes()).hexdigest()}


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    write_pictures()
    pictures = [*IMAGES.iterdir(), *(FIXTURES / "shapes-vlm-reference").iterdir()]
    found = {str(path.relative_to(FIXTURES)): pixels_of(path) for path in sorted(pictures) if path.suffix != ".json"}
    (IMAGES / "pixels.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
