/** Pillow's numbers of the filters that the engine has. */
export const filters = { lanczos: 1, bilinear: 2, bicubic: 3 } as const;

/** The image processor of a family: which settings it has, and what becomes of each. */
export interface ImageProcessor {
  /**
   * The filter that the engine takes unless the projector's file names another, and that of the processor's class. Without
   * it, no setting changes the filter.
   */
  readonly filter?: { readonly engine: number; readonly ofClass: number };
  /**
   * What `do_resize: false` does: the engine takes images as they are (`followed`), nothing (`ignored`, by the processor
   * itself), or nothing although it should (`reported`).
   */
  readonly resize: 'followed' | 'ignored' | 'reported';
  /** Whether pixels are normalized where no setting says so. */
  readonly normalizes: boolean;
  /** Settings that the family's declaration reads, or compares with what the encoder is made for. */
  readonly followed: readonly string[];
  /** Settings without an effect on what the encoder gets of a picture. */
  readonly ignored: readonly string[];
}

/** Every processor's, and followed for all: see `readPreprocessor` and `writeImageSettings`. */
export const commonSettings: readonly string[] = [
  'do_normalize',
  'do_rescale',
  'do_resize',
  'image_mean',
  'image_std',
  'resample',
  'rescale_factor',
];

/** Names of classes, forms of the output, what tokenizers and templates decide, and other media. */
const alwaysIgnored: readonly string[] = [
  'audio_seq_length',
  'auto_map',
  'chat_template',
  'data_format',
  'default_to_square',
  'device',
  'disable_grouping',
  'do_convert_rgb', // pictures arrive as RGB
  'feature_extractor',
  'feature_extractor_type',
  'image_processor',
  'image_processor_type',
  'image_seq_length',
  'input_data_format',
  'media_proc_cfg',
  'processor_class',
  'return_row_col_info',
  'return_tensors',
];
/** `image_token`, `video_sampling` and the like; and what is private to a class. */
const ignoredNames =
  /^_|^(?:video|audio)_|_token(?:_id)?s?$|^(?:fps|num_frames|min_frames|max_frames|do_sample_frames)$/;

/** Settings of transformers' base class that most processors do not look at. */
const cropping = ['crop_size', 'do_center_crop'];
const padding = ['do_pad', 'pad_size'];

const bicubic = { engine: filters.bicubic, ofClass: filters.bicubic };
const bilinear = { engine: filters.bilinear, ofClass: filters.bilinear };

function processor(settings: Partial<ImageProcessor>): ImageProcessor {
  return { resize: 'followed', normalizes: true, followed: [], ignored: [], ...settings };
}

/** By the names of transformers' classes, and for processors that come with the checkpoints by those of their models. */
export const imageProcessors = {
  gemma3: processor({
    filter: bilinear,
    followed: [
      'do_pan_and_scan',
      'image_seq_length',
      'pan_and_scan_max_num_crops',
      'pan_and_scan_min_crop_size',
      'pan_and_scan_min_ratio_to_activate',
      'size',
    ],
    ignored: [...cropping, ...padding],
  }),
  /** SiglipImageProcessor beside an encoder of sound. */
  gemma3n: processor({
    filter: { engine: filters.bilinear, ofClass: filters.bicubic },
    followed: ['do_center_crop', 'do_pad', 'image_seq_length', 'pad_size', 'size'],
    ignored: [
      'crop_size',
      ...['dither', 'feature_size', 'fft_length', 'fft_overdrive', 'frame_length', 'hop_length', 'input_scale_factor'],
      ...['max_frequency', 'mel_floor', 'min_frequency', 'padding_side', 'padding_value', 'per_bin_mean'],
      ...['per_bin_stddev', 'preemphasis', 'preemphasis_htk_flavor', 'return_attention_mask', 'sampling_rate'],
    ],
  }),
  gemma4: processor({
    filter: bicubic,
    normalizes: false,
    followed: ['max_soft_tokens', 'patch_size', 'pooling_kernel_size'],
    ignored: [...cropping, ...padding, 'audio_ms_per_token', 'size'],
  }),
  qwenVl: processor({
    filter: bicubic,
    followed: ['max_pixels', 'merge_size', 'min_pixels', 'patch_size', 'size'],
    ignored: [...cropping, ...padding, 'temporal_patch_size'], // both frames are the same picture
  }),
  pixtral: processor({
    filter: bicubic,
    followed: ['do_center_crop', 'patch_size', 'size', 'spatial_merge_size'],
    ignored: ['crop_size', ...padding],
  }),
  kimiVl: processor({
    resize: 'ignored',
    followed: ['in_token_limit', 'merge_kernel_size', 'pad_input', 'patch_size'],
    ignored: ['num_pooled_tokens'],
  }),
  idefics3: processor({
    filter: { engine: filters.lanczos, ofClass: filters.lanczos },
    followed: ['do_image_splitting', 'image_seq_len', 'max_image_size', 'size'],
    ignored: [...cropping, ...padding],
  }),
  /** GotOcr2ImageProcessor, which InternVLProcessor always has cut images into tiles. */
  internVl: processor({
    filter: bicubic,
    followed: ['max_patches', 'min_patches', 'size'],
    ignored: [...cropping, ...padding, 'crop_to_patches'],
  }),
  /** The code of InternVL's own checkpoints, which takes of these files no more than how pixels are normalized. */
  internVlChat: processor({
    resize: 'ignored',
    followed: ['size'],
    ignored: [...cropping, ...padding, 'max_patches', 'min_patches'],
  }),
  lfm2Vl: processor({
    filter: bilinear,
    resize: 'ignored',
    followed: [
      ...['do_image_splitting', 'downsample_factor', 'encoder_patch_size', 'max_image_tokens', 'max_pixels_tolerance'],
      ...['max_tiles', 'min_image_tokens', 'min_tiles', 'tile_size', 'use_image_special_tokens', 'use_thumbnail'],
    ],
    ignored: [...cropping, ...padding, 'max_num_patches', 'size'],
  }),
  llama4: processor({
    filter: bilinear,
    resize: 'reported',
    followed: ['fake_image_token', 'max_patches', 'patch_size', 'pixel_shuffle_ratio', 'resize_to_max_canvas', 'size'],
    ignored: [...cropping, ...padding],
  }),
  /** CLIPImageProcessor, SiglipImageProcessor and LlavaImageProcessor. */
  llava: processor({
    filter: bicubic,
    followed: [
      ...['crop_size', 'do_center_crop', 'do_pad', 'image_grid_pinpoints', 'pad_size', 'patch_size', 'size'],
      ...['num_additional_image_tokens', 'use_square_size', 'vision_feature_select_strategy'],
    ],
  }),
  /** LlavaNextImageProcessor: what it would resize and crop has the right size by then. */
  llavaNext: processor({
    filter: bicubic,
    resize: 'ignored',
    followed: [
      ...['crop_size', 'do_center_crop', 'image_grid_pinpoints', 'patch_size', 'size'],
      ...['downsample_rate', 'num_additional_image_tokens', 'vision_feature_select_strategy'],
    ],
    ignored: [...padding, 'aspect_ratio_setting'],
  }),
  miniCpmV: processor({
    filter: bicubic,
    resize: 'reported',
    followed: ['downsample_mode', 'max_slice_nums', 'patch_size', 'scale_resolution', 'slice_mode', 'use_image_id'],
    ignored: [...cropping, ...padding, 'size'],
  }),
  /** The code of DeepSeek-OCR's checkpoints has its own numbers for everything else. */
  deepseekOcr: processor({
    resize: 'ignored',
    ignored: [
      ...['add_special_token', 'candidate_resolutions', 'downsample_ratio', 'ignore_id', 'mask_prompt', 'normalize'],
      ...['patch_size', 'sft_format'],
    ],
  }),
} as const satisfies Readonly<Record<string, ImageProcessor>>;

/** Whether a setting of preprocessor_config.json or processor_config.json is one that we know of. */
export function isKnownSetting(name: string, { followed, ignored }: ImageProcessor): boolean {
  return (
    [commonSettings, alwaysIgnored, followed, ignored].some((names) => names.includes(name)) || ignoredNames.test(name)
  );
}
