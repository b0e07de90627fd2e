#pragma once

#include <vector>

namespace vserve {

// The arithmetic of Hugging Face's image processors: the size an image is resized to and the tiles it is cut into.
// Ties are rounded to even, as in Python.

struct ImageSize {
    int width;
    int height;
};

struct TileGrid {
    int columns;
    int rows;
};

// Both sides multiples of `factor`, the area within bounds, the aspect kept as well as that allows (Qwen-VL's
// smart_resize). Throws std::invalid_argument for an image more than 200 times as long as wide.
ImageSize smart_resize(ImageSize image, int factor, double min_pixels, double max_pixels);

// As smart_resize for any aspect; a side is no less than `factor` before the area is compared (LFM2-VL). Throws
// std::invalid_argument for an image that would become too long.
ImageSize smart_resize_covering(ImageSize image, int factor, double min_pixels, double max_pixels);

// As smart_resize; an image with a side below `factor` is enlarged to it first (GLM-V).
ImageSize smart_resize_enlarging(ImageSize image, int factor, double min_pixels, double max_pixels);

// As smart_resize; an image with a side below `factor` is enlarged to it first, its other side rounded (PaddleOCR-VL).
ImageSize smart_resize_widening(ImageSize image, int factor, double min_pixels, double max_pixels);

// At most `longest` on each side, rounded up to multiples of `factor`; never enlarged (Pixtral).
ImageSize shrink_to_longest(ImageSize image, int longest, int factor);

// The shorter side becomes `shortest` (CLIP). Throws std::invalid_argument for an image that would become too long.
ImageSize scale_to_shortest(ImageSize image, int shortest);

// The longer side becomes `longest`, the other even (Idefics 3).
ImageSize scale_to_longest(ImageSize image, int longest);

// The least multiples of `tile` that cover an image (Idefics 3).
TileGrid tiles_that_cover(ImageSize image, int tile);

// The grid of min_tiles to max_tiles tiles whose aspect is closest; of several, the largest whose area is below twice the
// image's (InternVL, LFM2-VL).
TileGrid closest_grid(ImageSize image, int tile, int min_tiles, int max_tiles);

// Whether an image has more than `max_pixels` once its sides are multiples of `factor` (LFM2-VL).
bool is_too_large(ImageSize image, int patch, int factor, double max_pixels);

// Shrinks an image so that it has no more than `max_patches` whole patches (Kimi-VL).
ImageSize shrink_to_patches(ImageSize image, int patch, int max_patches);

// The largest multiples of `factor` near the image's aspect that make at most `max_tokens` squares of it (Gemma 4).
ImageSize scale_to_tokens(ImageSize image, int factor, int max_tokens);

// The grid of at most `max_tiles` tiles that shrinks an image least or, if several fit it, enlarges it least; of those,
// the smallest. With `fill_canvas`, of those that fit it that which enlarges it most (Llama 4).
TileGrid best_fitting_grid(ImageSize image, int tile, int max_tiles, bool fill_canvas);

// As large as fits on the tiles of `grid`, but enlarged to no more than one tile, unless `fill_canvas` (Llama 4).
ImageSize fit_on_grid(ImageSize image, TileGrid grid, int tile, bool fill_canvas);

// The resolution that preserves most of an image; of several, the one that wastes least (LLaVA-NeXT).
ImageSize best_resolution(ImageSize image, const std::vector<ImageSize> & resolutions);

// The largest size with the image's aspect that fits an area, rounded up (LLaVA-NeXT).
ImageSize fit_into(ImageSize image, ImageSize area);

// The size of a tile's square for an image's aspect, in multiples of `factor`. An image below it keeps its own size,
// unless `enlarge` (MiniCPM-V).
ImageSize scale_to_square(ImageSize image, int side, int factor, bool enlarge);

// The grid of about as many tiles as the image has squares of `side`, whose aspect is closest by its logarithm; {0, 0}
// for an image that is no larger than one (MiniCPM-V).
TileGrid grid_of_squares(ImageSize image, int side, int max_tiles);

// The size of an image that is cut into a grid of equal tiles, close to its own size (MiniCPM-V).
ImageSize scale_to_grid(ImageSize image, TileGrid grid, int side, int factor);

// The largest size that fits a square, the shorter side rounded (DeepSeek-OCR). Throws std::invalid_argument if that side
// would vanish.
ImageSize fit_on_square(ImageSize image, int side);

// The offset that centers `length` within `space`.
int centred(int length, int space);

// Both sides rounded up to multiples of `factor`.
ImageSize round_up(ImageSize image, int factor);

}  // namespace vserve
