/**
 * The platforms that addons are published for, each in a package of its own: `@vserve/linux-x64`, … Their names are
 * those of Node, `process.platform` and `process.arch`.
 */
export const platforms: readonly string[] = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64', 'win32-x64'];

export function packageOf(platform: string): string {
  return `@vserve/${platform}`;
}
