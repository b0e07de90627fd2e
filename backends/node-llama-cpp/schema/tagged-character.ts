/** Any character in which no tag begins. */
export const anyTaggedCharacter = '[^<\\x00]';
