/** Why the native engine cannot be built, for a person to read: what is wrong and what to do. */
export class BuildFailure extends Error {}
