import { VserveError } from '../errors/index.ts';
import type { RemoteFile } from './remote-file.ts';

/** The error for a repository without a model that can be served: it says what there is instead. */
export function noModel(repository: string, files: readonly RemoteFile[]): VserveError {
  const has = (pattern: RegExp): boolean => files.some(({ path }) => pattern.test(path));
  const found = [
    ...(has(/\.(bin|pth?|ckpt)$/) ? ['PyTorch files, which vserve does not open because they can contain code'] : []),
    ...(has(/\.safetensors$/) ? ['safetensors files, but not those of a transformers checkpoint'] : []),
    ...(has(/\.onnx$/) ? ['ONNX files'] : []),
    ...(has(/^model_index\.json$/) ? ['a diffusers pipeline'] : []),
    ...(has(/(^|\/)openvino_[^/]*\.xml$/) ? ['OpenVINO files'] : []),
    ...(has(/\.(litertlm|task|tflite)$/) ? ['LiteRT files'] : []),
    ...(has(/\.mlpackage\//) ? ['Core ML files'] : []),
  ];
  const held = found.length === 0 ? '' : ` It has ${found.join(', and ')}.`;
  return new VserveError(
    'model_unavailable',
    `${repository} holds no model that vserve can serve: neither a checkpoint (config.json and model*.safetensors) nor GGUF files.${held}`,
    { param: 'model' },
  );
}
