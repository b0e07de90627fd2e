export { deletedFileJson, fileJson, filePageJson } from './file-json.ts';
export type { ListedFile } from './file-json.ts';
export { messagesDeletedFileJson, messagesFileJson, messagesFilePageJson } from './messages-file-json.ts';
export {
  deletedFileSchema,
  filePageSchema,
  fileSchema,
  messagesDeletedFileSchema,
  messagesFilePageSchema,
  messagesFileSchema,
  uploadFormSchema,
} from './schemas.ts';
export { readFilePage } from './file-page.ts';
export { readUploadFields } from './upload-fields.ts';
export type { UploadSettings } from './upload-fields.ts';
