import { BuildFailure } from './build-failure.ts';

/** What to install where something is missing. README.md has the same list. */
const packages: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'Debian and Ubuntu: sudo apt-get install g++',
  darwin: 'macOS: xcode-select --install',
  win32:
    'Windows: winget install Microsoft.VisualStudio.2022.BuildTools --override "--wait --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended"',
};

/** `what` is missing. */
export function missing(what: string): BuildFailure {
  const hint = packages[process.platform] ?? 'Install a C++17 compiler.';
  return new BuildFailure(
    `To build the native engine, ${what} must be installed first.\n${hint}\nThen run the same command again.`,
  );
}
