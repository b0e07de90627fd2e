export { findBackend } from './registry.ts';
export { flashAttentionModes, kvCacheFormats, mmprojEncodings, quantizedTypes } from './backend.ts';
export type {
  Backend,
  ConverterSource,
  DeviceMemory,
  FlashAttention,
  KvCacheFormat,
  LoadOptions,
  LoadSettings,
  LogLevel,
  MmprojEncoding,
  ModelFiles,
  QuantizedType,
  Quantizer,
  QuantizeRequest,
} from './backend.ts';
export type { Bitmap } from './bitmap.ts';
export type { ChatMessage, ContentPart, ToolCall } from './chat-message.ts';
export type { GenerateRequest } from './generate-request.ts';
export type { FinishReason, GenerationEvent, GenerationTimings, TokenUsage } from './generation-event.ts';
export type { LoadedModel, ModelStats } from './loaded-model.ts';
export type { ModelInfo } from './model-info.ts';
export type { SamplingSettings } from './sampling-settings.ts';
export type { JsonValue, TemplateSettings } from './template-settings.ts';
