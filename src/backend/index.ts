export * from './backend.ts';
export { IMAGE_MARKER } from './loaded-model.ts';
export { prepareBackend } from './prepare-backend.ts';
export { findBackend } from './registry.ts';
export { specificationVersion } from './specification-version.ts';
export type * from './specification.ts';
