/** The command ends with the exit code of another process, which has said why. */
export class EndedAs extends Error {
  override readonly name = 'EndedAs';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`Ended with exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}
