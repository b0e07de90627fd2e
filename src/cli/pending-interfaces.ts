// The server's interface, until `src/server` is here and exports these types itself.
import type { LoadedModel, LogLevel } from '../backend/index.ts';

export interface ServerSettings {
  readonly maxRequestBytes: number;
  readonly keepAliveTimeoutS: number;
  readonly gracefulShutdownTimeoutS: number;
  readonly allowExtraRequestFields: boolean;
  readonly maxImagesPerRequest: number;
}

export interface MediaSettings {
  readonly allowedImageRoots: string[];
  readonly maxLocalImageBytes: number;
  readonly maxMediaBytes: number;
  readonly ssrfProtectionEnabled: boolean;
  readonly allowedMediaHosts: string[];
}

export interface ServerModule {
  checkPort(host: string, port: number): Promise<void>;
  startServer(options: {
    readonly host: string;
    readonly port: number;
    readonly model: LoadedModel;
    readonly servedModelName: string;
    readonly settings: ServerSettings;
    readonly media: MediaSettings;
    readonly log: (level: LogLevel, message: string) => void;
  }): Promise<{ readonly url: string; readonly port: number; shutdown(): Promise<void> }>;
}
