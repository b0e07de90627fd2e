export * from './backend.ts';
export { findBackend } from './registry.ts';
export type * from './specification.ts';
