/** What files are for that this server reads. */
export const FILE_PURPOSES = ['user_data', 'vision', 'assistants'] as const;

export type FilePurpose = (typeof FILE_PURPOSES)[number];

/** Of OpenAI. Nothing here reads such files. */
export const OTHER_PURPOSES: readonly string[] = ['batch', 'fine-tune', 'evals'];
