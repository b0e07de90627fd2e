export type { Choice } from './choice.ts';
export { downloadModel, previewDownload } from './download-model.ts';
export { fetchHeaders } from './fetch-headers.ts';
export type { DownloadedModel, DownloadEvent, DownloadRequest } from './download-request.ts';
export type { DownloadTuning, HubSettings, HubToken } from './hub-settings.ts';
export type { FileHash } from './remote-file.ts';
export { findToken } from './token.ts';
