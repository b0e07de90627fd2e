#pragma once

#include <vector>

namespace vserve {

// The arithmetic of Hugging Face's image processors: how large a picture is made, and into how many tiles it is cut.
// Where Python rounds a half to the even number, so do these.

struct ImageSize {
    int width;
    int height;
};

struct TileGrid {
    int columns;
    int rows;
};

// Both sides multiples of `factor`, the area within bounds, the aspect kept as well as that allows (Qwen-VL's
// smart_resize). Throws std::invalid_argument for a picture more than 200 times as long as wide.
ImageSize smart_resize(ImageSize image, int factor, double min_pixels, double max_pixels);

// As smart_resize for any aspect; a side is no less than `factor` before the area is compared (LFM2-VL). Throws
// std::invalid_argument for an image that would become too long.
ImageSize smart_resize_covering(ImageSize image, int factor, double min_pixels, double max_pixels);

// As smart_resize; a picture with a side below `factor` is enlarged to it first (GLM-V).
ImageSize smart_resize_enlarging(ImageSize image, int factor, double min_pixels, double max_pixels);

// As smart_resize; a picture with a side below `factor` is enlarged to it first, its other side rounded (PaddleOCR-VL).
ImageSize smart_resize_widening(ImageSize image, int factor, double min_pixels, double max_pixels);

// At most `longest` on each side, rounded up to multiples of `factor`; never enlarged (Pixtral).
ImageSize shrink_to_longest(ImageSize image, int longest, int factor);

// The shorter side becomes `shortest` (CLIP). Throws std::invalid_argument for a picture that would become too long.
ImageSize scale_to_shortest(ImageSize image, int shortest);

// The longer side becomes `longest`, the other even (Idefics 3).
ImageSize scale_to_longest(ImageSize image, int longest);

// The least multiples of `tile` that cover a picture (Idefics 3).
TileGrid tiles_that_cover(ImageSize image, int tile);

// The grid of min_tiles to max_tiles tiles whose aspect is closest; of several, the largest whose area is below twice the
// picture's (InternVL, LFM2-VL).
TileGrid closest_grid(ImageSize image, int tile, int min_tiles, int max_tiles);

// Whether a picture has more than `max_pixels` once its sides are multiples of `factor` (LFM2-VL).
bool is_too_large(ImageSize image, int patch, int factor, double max_pixels);

// Shrinks a picture so that it has no more than `max_patches` whole patches (Kimi-VL).
ImageSize shrink_to_patches(ImageSize image, int patch, int max_patches);

// The largest multiples of `factor` near the picture's aspect that make at most `max_tokens` squares of it (Gemma 4).
ImageSize scale_to_tokens(ImageSize image, int factor, int max_tokens);

// The grid of at most `max_tiles` tiles in which a picture need be made least smaller, or is made least larger; of those,
// the smallest (Llama 4).
TileGrid best_fitting_grid(ImageSize image, int tile, int max_tiles);

// As large as fits on the tiles of `grid`, but enlarged to no more than one tile (Llama 4).
ImageSize fit_on_grid(ImageSize image, TileGrid grid, int tile);

// Of some resolutions, the one that loses least of a picture, and of several the one that it fills best (LLaVA-NeXT).
ImageSize best_resolution(ImageSize image, const std::vector<ImageSize> & resolutions);

// The picture's aspect, as large as an area allows, rounded up (LLaVA-NeXT).
ImageSize fit_into(ImageSize image, ImageSize area);

// The size of a tile's square for a picture's aspect, in multiples of `factor`. A picture below it keeps its own size,
// unless `enlarge` (MiniCPM-V).
ImageSize scale_to_square(ImageSize image, int side, int factor, bool enlarge);

// The grid of about as many tiles as the picture has squares of `side`, whose aspect is closest by its logarithm; {0, 0}
// for a picture that is no larger than one (MiniCPM-V).
TileGrid grid_of_squares(ImageSize image, int side, int max_tiles);

// A grid of tiles of one size, for a picture of nearly its own (MiniCPM-V).
ImageSize scale_to_grid(ImageSize image, TileGrid grid, int side, int factor);

// As large as fits on a square, a side rounded (DeepSeek-OCR). Throws std::invalid_argument for a picture of which nothing
// would be left.
ImageSize fit_on_square(ImageSize image, int side);

// Where a picture begins that stands in the middle of `space`.
int centred(int length, int space);

// The next multiples of `factor`.
ImageSize round_up(ImageSize image, int factor);

}  // namespace vserve
