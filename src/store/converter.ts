/** Type of the weights a conversion writes; `auto` keeps the checkpoint's own where GGUF has it. */
export type Outtype = 'auto' | 'f32' | 'f16' | 'bf16' | 'q8_0';

export interface ConversionProgress {
  /** Name of the file being written. */
  readonly file: string;
  readonly bytesWritten: number;
  readonly bytesTotal: number;
}

/** What the store needs from the converter: a checkpoint folder becomes GGUF files in another folder. */
export interface Converter {
  /** Changes whenever the same checkpoint would give other files. */
  readonly converterVersion: string;
  /** The files of a checkpoint that a conversion reads, relative to its folder. */
  checkpointFiles(sourceDir: string): Promise<string[]>;
  /** Writes the files into `destinationDir`, an existing folder, and tells their absolute paths. */
  convertCheckpoint(conversion: {
    readonly sourceDir: string;
    readonly destinationDir: string;
    readonly outtype: Outtype;
    readonly onProgress: (progress: ConversionProgress) => void;
    readonly signal: AbortSignal;
  }): Promise<{
    readonly modelPath: string;
    readonly mmprojPath: string | undefined;
    readonly architecture: string;
    readonly outtype: string;
  }>;
}
